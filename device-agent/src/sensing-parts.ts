/** Makes the sensors of an agent: each a source, a watch over what it gives, and a feed that keeps it going. */
import type { AgentConfig } from './config.ts';
import type { HealthBoard } from './health/health-board.port.ts';
import { openLocalBroker } from './local-broker/local-broker.ts';
import type { EventRecorder } from './outbox/event-recorder.port.ts';
import type { Clock, Logger, Random } from './runtime.ts';
import type { SamplePipeline } from './sample-pipeline.ts';
import { expectationSchema } from './sensing-config.ts';
import { createSource } from './sensors/create-source.ts';
import { SensorFeed } from './sensors/sensor-feed.ts';
import type { SensorSource } from './sensors/sensor-source.port.ts';
import { SignalWatch } from './sensors/signal-watch.ts';
import { fullJitterMs } from './uplink/backoff.ts';

export interface SensingParts {
  readonly feeds: readonly SensorFeed[];
  /** One for each feed, in their order. */
  readonly watches: readonly SignalWatch[];
}

interface Joins {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: Random;
  /** Beside those of the configuration. */
  readonly sources: readonly SensorSource[];
  readonly events: EventRecorder;
  readonly health: HealthBoard;
  readonly pipeline: SamplePipeline;
}

const SOURCE_RETRY = { firstMs: 1_000, maxMs: 60_000 };

export const createSensing = (config: AgentConfig, joins: Joins): SensingParts => {
  const { clock, logger, random, sources, events, health, pipeline } = joins;
  const retryPauseMs = (attempt: number): number => fullJitterMs(SOURCE_RETRY, attempt, random);
  const around = {
    clock,
    logger,
    stdin: process.stdin,
    openBroker: openLocalBroker,
    restartPauseMs: retryPauseMs,
  };
  const configured = config.sensors.map((sensor) => ({
    source: createSource(sensor, around),
    silenceMs: sensor.silenceMs ?? Infinity,
    expect: sensor.expect,
  }));
  const unexpecting = expectationSchema.parse(undefined);
  const given = sources.map((source) => ({ source, silenceMs: Infinity, expect: unexpecting }));
  const made = [...configured, ...given].map(({ source, silenceMs, expect }) => {
    const watch = new SignalWatch({ source, expected: { ...expect, rateHz: expect.rateHz }, events });
    const feed = new SensorFeed({
      source,
      silenceMs,
      retryPauseMs,
      events,
      health,
      clock,
      logger,
      deliver: (from, sample) => pipeline.deliver(from, watch.take(sample)),
    });
    return { feed, watch };
  });
  return { feeds: made.map(({ feed }) => feed), watches: made.map(({ watch }) => watch) };
};
