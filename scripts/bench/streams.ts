/** What windows cost: ingest with five streams over a thousand devices beside ingest alone, and how right sketches are. */
import { join } from 'node:path';
import type { StreamStatus } from '@shoal/protocol';
import Database from 'better-sqlite3';
import { interleave, median, medianRatio, type Bench, type BenchOptions, type BenchResult } from './harness.ts';
import { BenchChild } from './load/child.ts';
import type { LoadOrder, LoadResult } from './load/publish-load.ts';
import { benchDeviceId } from './load/pump-records.ts';
import { ServerUnderTest } from './load/server-under-test.ts';
import { STREAMS, WITH_DISTINCT, WITH_QUANTILES } from './streams/definitions.ts';
import { distinctErrors, quantileErrorPct } from './streams/sketch-errors.ts';

const RECORDS_PER_MESSAGE = 200;
const SECOND_MS = 1_000;
const US_PER_MS = 1_000;
const SITES = 20;
const SEEDS = 200;
const LOOK_MS = 20;
const SCALE = {
  full: { devices: 1_000, messages: 2, rounds: 3 },
  quick: { devices: 200, messages: 3, rounds: 2 },
} as const;

type Scale = (typeof SCALE)[keyof typeof SCALE];

/** Key columns and the head of a row, in bytes. */
const ROW_BYTES = 30;

class StreamsRun {
  readonly #alone = new ServerUnderTest();
  readonly #windowed = new ServerUnderTest();
  readonly #scale: Scale;
  readonly #log: BenchOptions['log'];
  readonly #faults: string[] = [];
  readonly #startAt: number;
  /** Of the server's process, per record, round by round: what a busy machine does not change. */
  readonly #cpuUs = { alone: [] as number[], streams: [] as number[] };
  #loads = 0;
  #expected = 0;

  constructor({ quick, log }: BenchOptions) {
    this.#scale = quick ? SCALE.quick : SCALE.full;
    this.#log = log;
    // Every load is the next stretch of event time, and the last one ends now.
    this.#startAt = Date.now() - 2 * (this.#scale.rounds + 1) * this.#spanMs();
  }

  async run(): Promise<BenchResult> {
    const { devices, rounds } = this.#scale;
    try {
      for (const server of [this.#alone, this.#windowed]) {
        await server.start();
        for (let index = 0; index < devices; index += 1) {
          const labels = { site: `site-${index % SITES}` };
          await server.post('/api/devices', { deviceId: benchDeviceId(index), labels });
        }
      }
      for (const stream of STREAMS) await this.#windowed.post('/api/streams', stream);
      await this.#plain();
      await this.#withStreams();
      const perSecond = await interleave(
        rounds,
        { alone: () => this.#plain(), streams: () => this.#withStreams() },
        this.#log,
      );
      const bytes = this.#bytesPerWindow();
      const distinct = distinctErrors(SEEDS);
      const quantileError = quantileErrorPct(SEEDS);
      if (quantileError > 1) this.#faults.push(`a quantile is off by ${quantileError} %`);
      if (distinct.rmsPct > 1) this.#faults.push(`distinct counts are off by ${distinct.rmsPct} % RMS`);
      if (distinct.inexact > 0) this.#faults.push(`${distinct.inexact} counts below 1,000 were not exact`);
      return {
        figures: {
          windows_ratio: medianRatio(perSecond.streams, perSecond.alone),
          events_per_s: median(perSecond.streams),
          ingest_alone_per_s: median(perSecond.alone),
          cpu_us_per_record: median(this.#cpuUs.streams),
          cpu_us_per_record_alone: median(this.#cpuUs.alone),
          cpu_ratio: medianRatio(this.#cpuUs.alone, this.#cpuUs.streams),
          devices,
          streams: STREAMS.length,
          bytes_per_window: bytes.withQuantiles,
          bytes_per_window_without_quantiles: bytes.without,
          bytes_per_window_with_distinct: bytes.withDistinct,
          quantile_error_pct: quantileError,
          distinct_error_pct: distinct.rmsPct,
        },
        faults: this.#faults,
      };
    } finally {
      await this.#alone.stop();
      await this.#windowed.stop();
    }
  }

  /** Records per second until the last is acknowledged. */
  async #plain(): Promise<number> {
    const before = this.#alone.cpuMs();
    const { seconds, acked } = await this.#load(this.#alone);
    this.#cpuUs.alone.push(((this.#alone.cpuMs() - before) * US_PER_MS) / (acked * RECORDS_PER_MESSAGE));
    return (acked * RECORDS_PER_MESSAGE) / seconds;
  }

  /** Records per second until the last is acknowledged and in all of its windows. */
  async #withStreams(): Promise<number> {
    const before = this.#windowed.cpuMs();
    const { seconds, acked } = await this.#load(this.#windowed);
    const endedAt = performance.now();
    this.#expected += acked * RECORDS_PER_MESSAGE;
    await this.#caughtUp();
    this.#cpuUs.streams.push(((this.#windowed.cpuMs() - before) * US_PER_MS) / (acked * RECORDS_PER_MESSAGE));
    const behind = (performance.now() - endedAt) / SECOND_MS;
    this.#log(`  ingest ${seconds.toFixed(2)} s, windows ${behind.toFixed(2)} s behind`);
    return (acked * RECORDS_PER_MESSAGE) / (seconds + behind);
  }

  async #load(server: ServerUnderTest): Promise<LoadResult> {
    const { devices, messages } = this.#scale;
    const order: LoadOrder = {
      port: server.mqttPort,
      devices,
      epoch: this.#loads.toString(16).padStart(20, '0'),
      messagesPerDevice: messages,
      recordsPerMessage: RECORDS_PER_MESSAGE,
      window: 20,
      pacePerSecond: 0,
      eventTime: { startAt: this.#startAt + this.#loads * this.#spanMs(), stepMs: SECOND_MS },
    };
    this.#loads += 1;
    const child = new BenchChild('publish-load');
    try {
      return await child.ask<LoadResult>(order);
    } finally {
      await child.end();
    }
  }

  async #caughtUp(): Promise<void> {
    for (const { name } of STREAMS) {
      let status = await this.#status(name);
      while (!status.isCaughtUp) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        status = await this.#status(name);
      }
      const { windowed, filtered } = status.tally;
      if (windowed + filtered !== this.#expected) {
        this.#faults.push(`${name} has ${windowed + filtered} records, ${this.#expected} were acknowledged`);
      }
    }
  }

  #status(name: string): Promise<StreamStatus> {
    return this.#windowed.get<StreamStatus>(`/api/streams/${name}/status`);
  }

  #bytesPerWindow(): Readonly<Record<'withQuantiles' | 'withDistinct' | 'without', number>> {
    const db = new Database(join(this.#windowed.dataDir, 'windows.db'), { readonly: true });
    const rows = db
      .prepare<[], { name: string; bytes: number }>(
        `SELECT name, avg(length(state)) AS bytes FROM windows JOIN streams USING (stream_no) WHERE level = 0 GROUP BY name`,
      )
      .all();
    db.close();
    const of = (isWanted: (name: string) => boolean): number =>
      ROW_BYTES + Math.max(...rows.filter(({ name }) => isWanted(name)).map(({ bytes }) => bytes));
    return {
      withQuantiles: of((name) => name === WITH_QUANTILES),
      withDistinct: of((name) => name === WITH_DISTINCT),
      without: of((name) => name !== WITH_QUANTILES && name !== WITH_DISTINCT),
    };
  }

  #spanMs(): number {
    return this.#scale.messages * RECORDS_PER_MESSAGE * SECOND_MS;
  }
}

export const bench: Bench = {
  name: 'streams',
  about: 'ingest with five streams beside ingest alone',
  run: (options) => new StreamsRun(options).run(),
};
