/** The device agent: makes its parts, starts them in the order data flows, stops them in reverse. The only export of the package. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ServedModel } from '@shoal/models';
import { createLanes, createParts, type AgentParts } from './agent-parts.ts';
import type { AgentStatus } from './agent-status.ts';
import type { AgentConfig } from './config.ts';
import { sentenceOf } from './errors.ts';
import { createLocalApi, type LocalApiParts } from './local-api/local-api-parts.ts';
import { randomId, silentLogger, systemClock, type Clock, type Logger, type Random } from './runtime.ts';
import type { SensorSource } from './sensors/sensor-source.port.ts';
import { agentStatus, reportedState } from './status-report.ts';
import { AGENT_VERSION } from './version.ts';

export type { AgentStatus } from './agent-status.ts';
export { parseAgentConfig, type AgentConfig, type AgentConfigInput } from './config.ts';
export { AGENT_ERRORS, AgentError, isAgentError } from './errors.ts';
export type { Clock, Logger } from './runtime.ts';
export type { OutboxState } from './outbox/outbox.port.ts';
export type { Sample, SensorSource, SourceReport } from './sensors/sensor-source.port.ts';
export { parseRecordedTime, replayShiftMs, type TimeMapping } from './sensors/recorded-time.ts';
export {
  LABEL_COLUMNS,
  readRecording,
  scanRecording,
  type BadRowReason,
  type RecordingFormat,
  type RecordingSummary,
} from './sensors/recording.ts';

/** What an embedding program may bring instead of the real things. */
export interface AgentSurroundings {
  /** Beside the sensors of the configuration. */
  readonly sensors?: readonly SensorSource[];
  readonly clock?: Clock;
  readonly random?: Random;
  /** By default nothing is logged. */
  readonly logger?: Logger;
}

export interface Agent {
  /**
   * Resolves when the agent works: outbox open, connecting, sensors read. Stops by itself when `signal` aborts.
   * Throws AgentError OUTBOX_LOCKED, OUTBOX_FROM_NEWER_AGENT, CONFIG_INVALID; then nothing runs.
   */
  start(signal?: AbortSignal): Promise<void>;
  /** Graceful and bounded: sensors end, what is left is sent for a while, the outbox is closed, farewell is said. Idempotent. */
  stop(): Promise<void>;
  status(): AgentStatus;
  /** Address of the local API; null when there is none. */
  localUrl(): string | null;
  /**
   * Resolves when every sensor source has ended, every window of theirs has its prediction, and the server acknowledged
   * every record. Never resolves while a source goes on. Rejects when `signal` aborts.
   */
  finished(signal?: AbortSignal): Promise<void>;
}

class DeviceAgent implements Agent {
  readonly #config: AgentConfig;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #parts: AgentParts;
  readonly #localApi: LocalApiParts | undefined;
  readonly #sensing = new AbortController();
  readonly #connecting = new AbortController();
  readonly #sourcesEnded = Promise.withResolvers<void>();
  #localUrl: string | null = null;
  #startedAt = 0;
  #stopping: Promise<void> | undefined;

  constructor(config: AgentConfig, { sensors, clock, random, logger }: AgentSurroundings) {
    this.#config = config;
    this.#clock = clock ?? systemClock;
    this.#logger = logger ?? silentLogger();
    this.#parts = createParts(config, {
      clock: this.#clock,
      logger: this.#logger,
      random: random ?? Math.random,
      startedAt: () => this.#startedAt,
      reported: () => reportedState(this.#parts),
      diagnostics: () => this.status(),
      sources: sensors ?? [],
    });
    this.#localApi = this.#createLocalApi();
  }

  async start(signal?: AbortSignal): Promise<void> {
    this.#startedAt = this.#clock.now();
    signal?.addEventListener('abort', () => void this.stop(), { once: true });
    try {
      await this.#startParts();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopParts();
    return this.#stopping;
  }

  status(): AgentStatus {
    return agentStatus(this.#config.deviceId, this.#parts, { startedAt: this.#startedAt, now: this.#clock.now() });
  }

  localUrl(): string | null {
    return this.#localUrl;
  }

  async finished(signal?: AbortSignal): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
    aborted.catch(() => undefined);
    try {
      await Promise.race([this.#finish(), aborted]);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async #startParts(): Promise<void> {
    const parts = this.#parts;
    const {
      gauge,
      losses,
      outbox,
      health,
      twin,
      context,
      remembered,
      engines,
      events,
      pipeline,
      rules,
      uplink,
      updates,
    } = parts;
    losses.start();
    const reading = [context.start(), remembered.start(this.#clock.now()), rules.start()];
    const bundles = updates.start().then((updated) => engines.readBundles(updated));
    await Promise.all([outbox.start(), bundles, ...reading]);
    pipeline.setLanes(createLanes(this.#config, this.#parts, this.#logger));
    await twin.start();
    health.onChange(() => twin.touch());
    this.#localUrl = await this.#startLocalApi();
    events.record('agent.started', 'info', `Agent ${this.status().agentVersion} started.`, { pid: process.pid });
    uplink.start(this.#connecting.signal);
    // Windows wait for their engine; readings need none.
    engines
      .startEngines()
      // How it starts says nothing of how it works.
      .then(() => {
        if (this.#config.watchLoop) gauge.watchLoop();
        updates.run();
      })
      .catch((error: unknown) => this.#logger.error({ why: sentenceOf(error) }, 'engines not started'));
    this.#startSensing();
  }

  #createLocalApi(): LocalApiParts | undefined {
    const { localApi, inference } = this.#config;
    if (localApi === null) return undefined;
    const { context, outbox, repository, fallback, updates } = this.#parts;
    const views = {
      health: () => this.status().health,
      status: () => this.status(),
      context: () => context.view(),
      models: () => ({ models: this.status().models, served: repository.list().map(servedView) }),
      outbox: () => outbox.state(),
      hardExamples: () => fallback.hardExamples(),
      updates: () => ({ hold: updates.held(), models: updates.report() }),
      // Looks at everything a device has: loaded by the first who asks.
      doctor: async () => (await import('./commands/doctor.ts')).doctorReport(this.#config),
    };
    const { deadlineMs } = inference;
    const parts = createLocalApi(localApi, {
      views,
      updates,
      repository,
      deadlineMs,
      agentVersion: AGENT_VERSION,
      run: randomId(),
    });
    outbox.listen({
      enqueued: ({ kind, body }) => {
        if (kind !== 'events') parts.feed.add(kind, body);
      },
    });
    return parts;
  }

  /** Without its local API the agent does its work all the same, and says so. */
  async #startLocalApi(): Promise<string | null> {
    try {
      return (await this.#localApi?.start()) ?? null;
    } catch (error) {
      this.#parts.health.raise('LOCAL_API_UNAVAILABLE', 'local-api', sentenceOf(error));
      return null;
    }
  }

  #startSensing(): void {
    const { feeds, pipeline } = this.#parts;
    const ended = feeds.map(async (feed) => {
      await feed.start(this.#sensing.signal).ended;
      await pipeline.sourceEnded(feed.status().name);
    });
    Promise.all(ended).then(() => this.#sourcesEnded.resolve(), this.#sourcesEnded.reject);
  }

  async #finish(): Promise<void> {
    await this.#sourcesEnded.promise;
    await this.#parts.pipeline.settled();
    await this.#parts.rules.settled();
    await this.#sent();
  }

  /** Resolves when the outbox is empty, memory included. */
  async #sent(): Promise<void> {
    const { outbox } = this.#parts;
    const isEmpty = (): boolean => outbox.state().depth + outbox.state().uncommitted === 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => void (isEmpty() && resolve());
    outbox.listen({ committed: look, acknowledged: look });
    await outbox.flush();
    if (!isEmpty()) await promise;
  }

  async #stopParts(): Promise<void> {
    const {
      losses,
      outbox,
      twin,
      context,
      drainer,
      offset,
      engines,
      events,
      feeds,
      pipeline,
      rules,
      uplink,
      fallback,
      updates,
    } = this.#parts;
    this.#parts.gauge.stop();
    this.#sensing.abort();
    events.record('agent.stopping', 'info', 'The agent stops in good order.');
    const drainBy = delay(this.#config.stopDrainMs, undefined, { ref: false });
    const sensed = Promise.all(feeds.map((feed) => feed.stop()));
    // A source that waits for room waits for an engine: no longer than the stop may take.
    await Promise.race([sensed.then(() => pipeline.settled()), drainBy]);
    pipeline.abandon();
    await sensed;
    await Promise.race([rules.settled(), drainBy]);
    await rules.stop();
    losses.stop();
    await outbox.flush();
    if (uplink.status().state === 'connected') await Promise.race([this.#sent(), drainBy]);
    twin.reportNow();
    this.#connecting.abort();
    await uplink.stop();
    for (const part of [drainer, twin, context, offset]) part.offline();
    await updates.stop();
    await fallback.stop();
    await engines.stop();
    await this.#localApi?.stop();
    await outbox.stop();
  }
}

const servedView = (model: ServedModel): object => ({
  name: model.manifest.name,
  version: model.manifest.version,
  ...model.state(),
  signature: model.manifest.signature,
  inferences: model.meter.statistics().inference_stats.success.count,
});

/** Makes an agent and starts nothing. Many may live in one process, each with its own data folder. */
export const createAgent = (config: AgentConfig, surroundings: AgentSurroundings = {}): Agent =>
  new DeviceAgent(config, surroundings);
