/**
 * Reads of feature vectors in process while the writing thread is at work, beside a bare SQLite loop over the same rows; and requests
 * to the real server with an entity, beside the same with inputs.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import Database from 'better-sqlite3';
import {
  interleave,
  median,
  medianRatio,
  quantile,
  type Bench,
  type BenchOptions,
  type BenchResult,
} from './harness.ts';
import { entityRequests } from './features/entity-requests.ts';
import { ENTITIES, entityOf, FeatureStoreUnderTest, valueOf } from './load/feature-store-under-test.ts';
import { seeded } from './load/pump-records.ts';
import { ServerUnderTest } from './load/server-under-test.ts';

const READS = { full: 200_000, quick: 40_000 } as const;
const ROUNDS = { full: 5, quick: 3 } as const;
/** Reads between two turns of the event loop. */
const READS_PER_TURN = 50;
/** Requests of a kind, sent in turn: evenly they name more entities than the server holds in memory. */
const REQUESTS = 150_000;
const NANOSECONDS_PER_MS = 1e6;

/** The same entities for every contender, spread over the whole table. */
const entityAt = (read: number): string => entityOf((read * 7_919) % ENTITIES);

/** A rank below ENTITIES whose chance falls with the rank (Zipf, exponent 1); `chance` in [0, 1). */
const zipfian = (chance: number): number => Math.floor(ENTITIES ** chance);

class FeaturesRun {
  readonly #server = new ServerUnderTest();
  readonly #store = new FeatureStoreUnderTest(this.#server.dataDir);
  readonly #options: BenchOptions;
  readonly #reads: number;
  readonly #rounds: number;
  readonly #readMs: number[] = [];
  readonly #bareMs: number[] = [];
  /** How far each went: rounds go on where the one before ended, over the whole table. */
  readonly #next = { shoal: 0, bare: 0 };
  #wrong = 0;

  constructor(options: BenchOptions) {
    const { quick } = options;
    this.#options = options;
    this.#reads = quick ? READS.quick : READS.full;
    this.#rounds = quick ? ROUNDS.quick : ROUNDS.full;
  }

  async run(): Promise<BenchResult> {
    const { quick, log } = this.#options;
    try {
      const inProcess = await this.#inProcess();
      await this.#store.stop();
      const random = seeded(17);
      const entities = {
        with: Array.from({ length: REQUESTS }, () => entityAt(zipfian(random()))),
        even: Array.from({ length: REQUESTS }, (_, read) => entityAt(read)),
      };
      const requests = await entityRequests({ server: this.#server, entities, quick, log });
      const wrong = this.#wrong === 0 ? [] : [`${this.#wrong} reads were not what was written`];
      return { figures: { ...inProcess, ...requests.figures }, faults: [...wrong, ...requests.faults] };
    } finally {
      await this.#store.stop();
      await this.#server.stop();
    }
  }

  async #inProcess(): Promise<BenchResult['figures']> {
    const { log } = this.#options;
    await this.#store.start();
    const filled = await this.#store.fill(log);
    await this.#readAll();
    this.#readMs.length = 0;
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const writing = this.#store.writeUntilStopped();
    const bare = new Database(this.#store.file, { readonly: true });
    delay.enable();
    const contenders = { shoal: () => this.#readAll(), bare: () => this.#readBare(bare) };
    const perSecond = await interleave(this.#rounds, contenders, log);
    delay.disable();
    bare.close();
    const written = await writing();
    return {
      entities: ENTITIES,
      features: this.#store.featureCount,
      read_p50_ms: quantile(this.#readMs, 0.5),
      read_p99_ms: quantile(this.#readMs, 0.99),
      read_p999_ms: quantile(this.#readMs, 0.999),
      bare_p50_ms: quantile(this.#bareMs, 0.5),
      bare_p99_ms: quantile(this.#bareMs, 0.99),
      bare_p999_ms: quantile(this.#bareMs, 0.999),
      reads_per_second: median(perSecond.shoal),
      bare_reads_per_second: median(perSecond.bare),
      vs_bare: medianRatio(perSecond.shoal, perSecond.bare),
      rows_written_per_second_meanwhile: written,
      event_loop_delay_p99_ms: delay.percentile(99) / NANOSECONDS_PER_MS - 1,
      pushed_rows_per_second: filled.pushedPerSecond,
      window_records_per_second: filled.recordsPerSecond,
      file_mb: this.#store.sizeMb(),
      bytes_per_entity: (this.#store.sizeMb() * 1e6) / ENTITIES,
    };
  }

  /** One prepared statement over the same rows and nothing else. @returns reads per second */
  async #readBare(bare: Database.Database): Promise<number> {
    const statement = bare.prepare('SELECT state FROM entities WHERE view_no = ? AND entity = ?').pluck();
    let spent = 0;
    for (let read = 0; read < this.#reads; read += 1) {
      if (read % READS_PER_TURN === 0) await setImmediate();
      const startedAt = performance.now();
      statement.get(this.#store.viewNo, entityAt(this.#next.bare++));
      const ms = performance.now() - startedAt;
      spent += ms;
      this.#bareMs.push(ms);
    }
    return (this.#reads / spent) * 1_000;
  }

  /** @returns reads per second */
  async #readAll(): Promise<number> {
    let spent = 0;
    for (let read = 0; read < this.#reads; read += 1) {
      if (read % READS_PER_TURN === 0) await setImmediate();
      const at = this.#next.shoal++;
      const startedAt = performance.now();
      const { vector, missing } = await this.#store.read(entityAt(at));
      const ms = performance.now() - startedAt;
      spent += ms;
      this.#readMs.push(ms);
      if (vector[0] !== valueOf((at * 7_919) % ENTITIES) || missing.length > 0) this.#wrong += 1;
    }
    return (this.#reads / spent) * 1_000;
  }
}

export const bench: Bench = {
  name: 'features',
  about: 'feature vectors read in process while others are written, and requests that name an entity',
  run: (options) => new FeaturesRun(options).run(),
};
