/** `shoal-server run`: picks the adapters, starts the parts in the order data flows, and stops them in reverse. */
import 'reflect-metadata';
import { resolve } from 'node:path';
import { StandardSchemaValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { destination, pino, type Logger } from 'pino';
import { AedesGateway } from '../adapters/embedded/aedes-gateway/aedes-gateway.ts';
import { ThreadedBacktestRunner } from '../adapters/embedded/backtest-runner/threaded-backtest-runner.ts';
import { DeviceTransportStrategy } from '../adapters/embedded/aedes-gateway/device-transport.strategy.ts';
import { DataFolder } from '../adapters/embedded/data-folder.ts';
import { DiskArtifacts } from '../adapters/embedded/disk-artifacts/disk-artifacts.ts';
import { FastClock } from '../adapters/embedded/fast-clock.ts';
import { InProcessBus } from '../adapters/embedded/in-process-bus.ts';
import { LoopbackAuthenticator } from '../adapters/embedded/loopback-authenticator.ts';
import { PrometheusMetrics } from '../adapters/embedded/prometheus-metrics.ts';
import { ProcessScoreRunner } from '../adapters/embedded/score-runner/process-score-runner.ts';
import { SqliteAlertStore } from '../adapters/embedded/sqlite-alerts/sqlite-alert-store.ts';
import { SqliteFeatureStore } from '../adapters/embedded/sqlite-features/sqlite-feature-store.ts';
import { SqlitePredictionQueue } from '../adapters/embedded/sqlite-predictions/sqlite-prediction-queue.ts';
import { SqliteScoreStore } from '../adapters/embedded/sqlite-scores/sqlite-score-store.ts';
import { SqliteTelemetryStore } from '../adapters/embedded/sqlite-telemetry/sqlite-telemetry-store.ts';
import { SqliteWindowStore } from '../adapters/embedded/sqlite-windows/sqlite-window-store.ts';
import { SystemClock } from '../adapters/embedded/system-clock.ts';
import { AppModule } from '../app.module.ts';
import { dataPath } from '../config.ts';
import type { ServerConfig } from '../config-schema.ts';
import { FleetError } from '../errors.ts';
import { giveBackStartMemory } from '../start-memory.ts';
import { GrpcServer } from '../inference/grpc/grpc-server.service.ts';
import { answerBrokenRequest, guardHttpEdge } from '../http-edge.ts';
import { HttpFront } from '../http-front.ts';
import { NestLogger } from '../nest-logger.ts';
import { requestFault } from '../request-fault.ts';
import { answerMalformedUrl, ProblemFilter } from '../problem.filter.ts';
import { readVersion } from '../version.ts';

export interface RunningServer {
  readonly mqttUrl: string;
  readonly httpUrl: string;
  /** Host and port of gRPC inference. */
  readonly grpcAddress: string;
  /** Graceful: what was received is stored and acknowledged before the connections close. */
  stop(): Promise<void>;
}

/** JSON lines on stderr; stdout belongs to the one line that says the server is ready. */
export const serverLog = (level: ServerConfig['logLevel']): Logger =>
  pino({ level, base: { pid: process.pid } }, destination({ fd: 2, sync: true }));

/**
 * @throws FleetError DATA_DIR_UNUSABLE, DATA_DIR_IN_USE, LISTEN_FAILED, STORAGE_VERSION_UNKNOWN, and what the control database throws
 */
export const startServer = async (config: ServerConfig, log: Logger): Promise<RunningServer> => {
  const folder = DataFolder.take(resolve(config.dataDir));
  try {
    const server = await startParts(config, log);
    const stop = (): Promise<void> => server.stop().finally(() => folder.release());
    return { ...server, stop };
  } catch (error) {
    folder.release();
    throw error;
  }
};

const startParts = async (config: ServerConfig, log: Logger): Promise<RunningServer> => {
  const { clockSpeed, clockSetAtMs } = config.simulation;
  const clock = clockSpeed === 1 ? new SystemClock() : new FastClock(clockSpeed, clockSetAtMs);
  const metrics = new PrometheusMetrics();
  metrics.start();
  const bus = new InProcessBus(metrics, log);
  const authenticator = new LoopbackAuthenticator();
  const telemetry = new SqliteTelemetryStore(
    { ...config.storage, file: dataPath(config, 'ingest.db') },
    { clock, metrics, bus, log },
  );
  await telemetry.start();
  const features = new SqliteFeatureStore(
    { ...config.features, file: dataPath(config, 'features.db') },
    { clock, metrics, log },
  );
  const windows = new SqliteWindowStore(
    { file: dataPath(config, 'windows.db'), logFile: dataPath(config, 'ingest.db') },
    { metrics, log },
  );
  const { maxOpen, maxOpenBytes } = config.predictions;
  const predictions = new SqlitePredictionQueue(
    { file: dataPath(config, 'predictions.db'), maxOpen, maxOpenBytes },
    { metrics, log },
  );
  const alerts = new SqliteAlertStore(
    {
      file: dataPath(config, 'alerts.db'),
      logFile: dataPath(config, 'ingest.db'),
      windowsFile: dataPath(config, 'windows.db'),
    },
    { clock, metrics, log },
  );
  const artifacts = new DiskArtifacts(dataPath(config, 'artifacts'));
  await artifacts.start();
  const systemImages = new DiskArtifacts(dataPath(config, 'system-images'));
  if (config.ddi.endpoint === 'on') await systemImages.start();
  const scores = new SqliteScoreStore({ file: dataPath(config, 'scores.db') }, { metrics, log });
  const scoreRunner = new ProcessScoreRunner(
    {
      featuresFile: dataPath(config, 'features.db'),
      scoresFile: dataPath(config, 'scores.db'),
      niceness: config.scoring.niceness,
      version: readVersion(),
    },
    log,
  );
  const backtestRunner = new ThreadedBacktestRunner(
    {
      folder: dataPath(config, 'backtests'),
      telemetryFile: dataPath(config, 'ingest.db'),
      featuresFile: dataPath(config, 'features.db'),
      niceness: config.scoring.niceness,
      version: readVersion(),
    },
    { artifacts, log },
  );
  await Promise.all([
    features.start(),
    windows.start().then(() => alerts.start()),
    predictions.start(),
    scores.start(),
  ]);
  const gateway = new AedesGateway(config.mqtt, { authenticator, clock, metrics, log });
  const front = new HttpFront();
  const platform = {
    log,
    front,
    clock,
    metrics,
    bus,
    authenticator,
    gateway,
    telemetry,
    features,
    windows,
    predictions,
    alerts,
    artifacts,
    systemImages,
    scores,
    scoreRunner,
    backtestRunner,
  };
  const app = await NestFactory.create<NestFastifyApplication>(
    AppModule.of(config, platform),
    new FastifyAdapter({
      bodyLimit: config.http.bodyLimitBytes,
      ...requestPatience(config.http.requestTimeoutMs),
      serverFactory: front.serverFor,
      forceCloseConnections: true,
      frameworkErrors: answerMalformedUrl(metrics),
      clientErrorHandler: answerBrokenRequest(metrics),
    }),
    { logger: new NestLogger(log), abortOnError: false },
  );
  guardHttpEdge(app.getHttpAdapter().getInstance());
  app.useGlobalPipes(new StandardSchemaValidationPipe({ exceptionFactory: requestFault }));
  app.useGlobalFilters(new ProblemFilter(metrics, log));
  app.connectMicroservice<MicroserviceOptions>({ strategy: new DeviceTransportStrategy(gateway, metrics) });
  const stop = async (): Promise<void> => {
    await app.close();
    await systemImages.stop();
    await artifacts.stop();
    await alerts.stop();
    await scores.stop();
    await predictions.stop();
    await windows.stop();
    await features.stop();
    await telemetry.stop();
    metrics.stop();
  };
  try {
    // Every part listens to the bus before the first device can speak.
    await app.init();
    await app.startAllMicroservices();
    await listen(app, config);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    mqttUrl: `mqtt://${config.mqtt.host}:${gateway.port}`,
    httpUrl: `http://${config.http.host}:${portOf(app)}`,
    grpcAddress: `${config.grpc.host}:${app.get(GrpcServer, { strict: false }).port}`,
    stop,
  };
};

/** Node looks for late requests on an interval, and for late heads and whole requests apart. */
const requestPatience = (requestTimeout: number) => ({
  requestTimeout,
  http: { requestTimeout, headersTimeout: requestTimeout, connectionsCheckingInterval: Math.ceil(requestTimeout / 2) },
});

/** Connections that may wait to be accepted. Whoever finds no place there is refused by nobody: TCP lets him try again after a second, then three. */
const BACKLOG = 4_096;

const listen = async (app: NestFastifyApplication, config: ServerConfig): Promise<void> => {
  const { host, port } = config.http;
  try {
    await app.listen({ port, host, backlog: BACKLOG });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FleetError('LISTEN_FAILED', `Cannot listen for HTTP on ${host}:${port} (${why}); choose another port.`, {
      cause,
    });
  }
};

const portOf = (app: NestFastifyApplication): number => {
  const address: unknown = app.getHttpServer().address();
  return typeof address === 'object' && address !== null && 'port' in address ? Number(address.port) : 0;
};

/** Runs until SIGTERM or SIGINT; a second signal does not wait any longer. */
export const run = async (config: ServerConfig): Promise<void> => {
  const log = serverLog(config.logLevel);
  const server = await startServer(config, log);
  await giveBackStartMemory();
  const { mqttUrl, httpUrl, grpcAddress } = server;
  const ready = { event: 'ready', mqttUrl, httpUrl, grpcAddress, pid: process.pid };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  log.info(ready, 'ready');
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    log.info({ signal }, 'stopping');
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, 'the stop failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
};
