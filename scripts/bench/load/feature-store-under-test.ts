/** The built server's feature store and reader in this process, filled with many entities. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { entityViewSchema, type EntityView } from '@shoal/protocol';
import { builtModule } from './built-server.ts';

export const ENTITIES = 200_000;
const AT_ONCE = 1_000;
const PUSHED = 6;
const PANES = 3;
/** Rows per write while reads are measured, and the pause after it: about 1,000 rows a second. */
const MEANWHILE = { rows: 50, pauseMs: 50 } as const;
/** Long, so that no pane ends while reads are compared. */
const WINDOW_MS = 86_400_000;

export const entityOf = (index: number): string => `pump-${index.toString(36)}`;
export const valueOf = (index: number): number => index / 8;

/** Also the view of whoever reads the same file through a server. */
export const VIEW: EntityView = entityViewSchema.parse({
  name: 'bench',
  entity: 'device',
  maxAgeMs: WINDOW_MS,
  features: [
    ...Array.from({ length: PUSHED }, (_, index) => ({ name: `f${index}`, source: { kind: 'pushed' } })),
    ...['mean', 'std', 'max'].map((aggregate) => ({
      name: `pressure_${aggregate}`,
      source: { kind: 'readings', channel: 'Pressure', aggregate, windowMs: WINDOW_MS, panes: PANES },
    })),
  ],
});

type New<T> = new (...parts: never[]) => T;

interface Store {
  start(): Promise<void>;
  stop(): Promise<void>;
  beginImport(importId: string, view: string): Promise<boolean>;
  importRows(part: object): Promise<void>;
  applyLog(effects: object): Promise<object>;
}
interface ColumnsBuilder {
  add(entry: object): void;
  columns(): object;
}
interface Compiled {
  readonly viewNo: number;
  readonly slotNos: readonly number[];
}
interface Registry {
  adopt(view: EntityView): Promise<Compiled>;
  makeCurrent(compiled: Compiled): void;
}
interface Reader {
  plan(reference: string): object;
  read(plan: object, entity: string): Promise<{ readonly vector: Float64Array; readonly missing: readonly string[] }>;
}

/** Constructors of the built server, called with what they ask for. */
const made = <T>(Kind: New<T>, ...parts: unknown[]): T => new Kind(...(parts as never[]));

export class FeatureStoreUnderTest {
  /** Where a server with this data folder looks for it. */
  readonly file: string;
  readonly featureCount = VIEW.features.length;
  #store: Store | undefined;
  #reader: Reader | undefined;
  #plan: object = {};
  #compiled: Compiled = { viewNo: 0, slotNos: [] };

  constructor(dataDir: string) {
    this.file = join(dataDir, 'features.db');
  }

  get viewNo(): number {
    return this.#compiled.viewNo;
  }

  async start(): Promise<void> {
    const embedded = 'adapters/embedded';
    const { SqliteFeatureStore } = await builtModule<{ SqliteFeatureStore: New<Store> }>(
      `${embedded}/sqlite-features/sqlite-feature-store.js`,
    );
    const { PrometheusMetrics } = await builtModule<{ PrometheusMetrics: New<object> }>(
      `${embedded}/prometheus-metrics.js`,
    );
    const { SystemClock } = await builtModule<{ SystemClock: New<object> }>(`${embedded}/system-clock.js`);
    const { ViewRegistry } = await builtModule<{ ViewRegistry: New<Registry> }>(
      'feature-views/view-registry.service.js',
    );
    const { SkewAuditService } = await builtModule<{ SkewAuditService: New<object> }>(
      'feature-views/skew-audit.service.js',
    );
    const { FeatureReader } = await builtModule<{ FeatureReader: New<Reader> }>(
      'feature-views/feature-reader.service.js',
    );
    const { loadConfig } = await builtModule<{ loadConfig: (sources: object) => { features: object } }>('config.js');
    const { features } = loadConfig({ file: undefined, environment: {}, flags: {} });
    const [clock, metrics, log] = [made(SystemClock), made(PrometheusMetrics), { error: () => undefined }];
    const store = made(SqliteFeatureStore, { ...features, file: this.file }, { clock, metrics, log });
    await store.start();
    this.#store = store;
    const registry = made(ViewRegistry, store);
    this.#compiled = await registry.adopt(VIEW);
    registry.makeCurrent(this.#compiled);
    const around = { clock, metrics, log, config: features };
    this.#reader = made(FeatureReader, registry, store, made(SkewAuditService, store, around), around);
    this.#plan = this.#reader.plan(VIEW.name);
  }

  /** Every entity gets its pushed values, and a reading in every pane of its window. */
  async fill(log: (line: string) => void): Promise<{ pushedPerSecond: number; recordsPerSecond: number }> {
    await this.#store?.beginImport('fill', VIEW.name);
    const pushedStart = performance.now();
    for (let first = 0; first < ENTITIES; first += AT_ONCE) await this.#push(first, 0, AT_ONCE);
    const recordsStart = performance.now();
    const now = Date.now();
    const { LogColumnsBuilder } = await builtModule<{ LogColumnsBuilder: New<ColumnsBuilder> }>('ports/log-columns.js');
    for (let first = 0; first < ENTITIES; first += AT_ONCE) {
      const log = new LogColumnsBuilder();
      for (let offset = 0; offset < AT_ONCE; offset += 1) {
        log.add({
          source: 0,
          deviceId: entityOf(first + offset),
          receivedAt: now,
          eventAt: Array.from({ length: PANES }, (_, pane) => now - (pane * WINDOW_MS) / PANES),
          values: Array.from({ length: PANES }, (_, pane) => pane),
        });
      }
      await this.#store?.applyLog({
        lastBatchId: first + 1,
        slots: [
          { viewNo: this.viewNo, slotNo: this.#compiled.slotNos[PUSHED], paneMs: WINDOW_MS / PANES, panes: PANES },
        ],
        said: log.columns(),
        keptFrom: 0,
      });
    }
    const endedAt = performance.now();
    log(`${ENTITIES.toLocaleString('en')} entities filled in ${((endedAt - pushedStart) / 1_000).toFixed(1)} s`);
    return {
      pushedPerSecond: (ENTITIES / (recordsStart - pushedStart)) * 1_000,
      recordsPerSecond: ((ENTITIES * PANES) / (endedAt - recordsStart)) * 1_000,
    };
  }

  read(entity: string): ReturnType<Reader['read']> {
    if (this.#reader === undefined) throw new Error('the store is not started');
    return this.#reader.read(this.#plan, entity);
  }

  /** Keeps the writing thread at work with rows that say something new. @returns a stop, which gives rows per second */
  writeUntilStopped(): () => Promise<number> {
    let [isWriting, rows] = [true, 0];
    const startedAt = performance.now();
    const writing = (async () => {
      for (let round = 1; isWriting; round += 1) {
        await this.#push((round * MEANWHILE.rows) % ENTITIES, round, MEANWHILE.rows);
        rows += MEANWHILE.rows;
        await setTimeout(MEANWHILE.pauseMs);
      }
    })();
    return async () => {
      isWriting = false;
      await writing;
      return (rows / (performance.now() - startedAt)) * 1_000;
    };
  }

  sizeMb(): number {
    return statSync(this.file).size / 1e6;
  }

  /** The file stays. */
  async stop(): Promise<void> {
    await this.#store?.stop();
    this.#store = undefined;
  }

  /** The first feature says which entity it is of; the others change with every round. */
  async #push(first: number, round: number, rows: number): Promise<void> {
    const writes = Array.from({ length: rows }, (_, offset) => ({
      viewNo: this.viewNo,
      entity: entityOf(first + offset),
      eventAt: null,
      values: this.#compiled.slotNos
        .slice(0, PUSHED)
        .map((slotNo, feature) => [slotNo, feature === 0 ? valueOf(first + offset) : feature + round]),
    }));
    await this.#store?.importRows({ importId: 'fill', writes, rejected: [] });
  }
}
