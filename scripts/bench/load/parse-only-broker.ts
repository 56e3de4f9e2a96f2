/** The yardstick of durability: the same gateway with the same guard and access checks, which parses and stores nothing. */
import { decodeFrame } from '@shoal/protocol';
import { builtModule } from './built-server.ts';
import { serveOrders } from './child.ts';

interface Gateway {
  readonly port: number;
  start(sink: {
    records: (messages: readonly { payload: Uint8Array }[]) => Promise<readonly number[]>;
    single: () => Promise<void>;
  }): Promise<void>;
}
type New<T> = new (...parameters: unknown[]) => T;

serveOrders(async () => {
  const embedded = 'adapters/embedded';
  const { AedesGateway } = await builtModule<{ AedesGateway: New<Gateway> }>(
    `${embedded}/aedes-gateway/aedes-gateway.js`,
  );
  const { LoopbackAuthenticator } = await builtModule<{ LoopbackAuthenticator: New<object> }>(
    `${embedded}/loopback-authenticator.js`,
  );
  const { SystemClock } = await builtModule<{ SystemClock: New<object> }>(`${embedded}/system-clock.js`);
  const { PrometheusMetrics } = await builtModule<{ PrometheusMetrics: New<object> }>(
    `${embedded}/prometheus-metrics.js`,
  );
  const { loadConfig } = await builtModule<{ loadConfig: (sources: object) => { mqtt: object } }>('config.js');
  const { mqtt } = loadConfig({ file: undefined, environment: {}, flags: { mqttPort: '0' } });
  const silent = (): void => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const gateway = new AedesGateway(mqtt, {
    authenticator: new LoopbackAuthenticator(),
    clock: new SystemClock(),
    metrics: new PrometheusMetrics(),
    log,
  });
  await gateway.start({
    records: (messages) =>
      Promise.resolve(
        messages.map(({ payload }) => (decodeFrame(payload) as { records: readonly unknown[] }).records.length),
      ),
    single: () => Promise.resolve(),
  });
  return { port: gateway.port };
});
