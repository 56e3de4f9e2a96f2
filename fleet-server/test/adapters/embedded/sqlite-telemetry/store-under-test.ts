/** The telemetry store on a real file and real threads, with a clock the test owns. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { InProcessBus } from '../../../../src/adapters/embedded/in-process-bus.ts';
import { PrometheusMetrics } from '../../../../src/adapters/embedded/prometheus-metrics.ts';
import { SqliteTelemetryStore } from '../../../../src/adapters/embedded/sqlite-telemetry/sqlite-telemetry-store.ts';
import { SystemClock } from '../../../../src/adapters/embedded/system-clock.ts';
import type { BusEvents } from '../../../../src/ports/message-bus.ts';

export interface StoreUnderTest {
  readonly store: SqliteTelemetryStore;
  readonly file: string;
  readonly storageChanges: BusEvents['storage.changed'][];
  /** Same file, new threads. */
  reopen(options?: Partial<StoreOptions>): Promise<StoreUnderTest>;
  remove(): Promise<void>;
}

interface StoreOptions {
  readonly maxPages: number;
  readonly checkedAtOpenBytes: number;
  readonly retentionDays: number;
  readonly deadLetterRows: number;
}

const log = pino({ level: 'silent' });

const open = async (folder: string, options: Partial<StoreOptions>): Promise<StoreUnderTest> => {
  const metrics = new PrometheusMetrics();
  const bus = new InProcessBus(metrics, log);
  const storageChanges: BusEvents['storage.changed'][] = [];
  bus.on('storage.changed', (change) => storageChanges.push(change));
  const file = join(folder, 'ingest.db');
  const store = new SqliteTelemetryStore(
    {
      file,
      retentionDays: 7,
      deadLetterRows: 1_000,
      probeMs: 20,
      maxPages: 1_000_000,
      checkedAtOpenBytes: 1e9,
      ...options,
    },
    { clock: new SystemClock(), metrics, bus, log },
  );
  await store.start();
  return {
    store,
    file,
    storageChanges,
    reopen: async (again = options) => {
      await store.stop();
      return open(folder, again);
    },
    remove: async () => {
      await store.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

export const openStore = (options: Partial<StoreOptions> = {}): Promise<StoreUnderTest> =>
  open(mkdtempSync(join(tmpdir(), 'shoal-store-')), options);
