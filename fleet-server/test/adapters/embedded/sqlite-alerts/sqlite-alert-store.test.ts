/** The contract of the alert store on SQLite, and files that are damaged or too new. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { InProcessBus } from '../../../../src/adapters/embedded/in-process-bus.ts';
import { PrometheusMetrics } from '../../../../src/adapters/embedded/prometheus-metrics.ts';
import { SqliteAlertStore } from '../../../../src/adapters/embedded/sqlite-alerts/sqlite-alert-store.ts';
import { SqliteTelemetryStore } from '../../../../src/adapters/embedded/sqlite-telemetry/sqlite-telemetry-store.ts';
import { openForWriting as openWindows } from '../../../../src/adapters/embedded/sqlite-windows/windows-file.ts';
import { SystemClock } from '../../../../src/adapters/embedded/system-clock.ts';
import { loadConfig } from '../../../../src/config.ts';
import { alertStoreContract, type AlertSubject } from '../../../alert-store.contract.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'shoal-alert-store-'));
const file = (name: string): string => join(folder, name);
const metrics = new PrometheusMetrics();
const clock = new SystemClock();
const log = pino({ level: 'silent' });
const { storage } = loadConfig({ file: undefined, environment: {}, flags: {} });
const bus = new InProcessBus(metrics, log);
const telemetry = new SqliteTelemetryStore({ ...storage, file: file('ingest.db') }, { clock, metrics, bus, log });

beforeAll(async () => {
  await telemetry.start();
  // Nothing is published here: that the file is there is enough.
  openWindows(file('windows.db'), 0).db.close();
});
afterAll(async () => {
  await telemetry.stop();
  rmSync(folder, { recursive: true, force: true });
});

const open = async (name: string): Promise<AlertSubject> => {
  const files = { file: file(name), logFile: file('ingest.db'), windowsFile: file('windows.db') };
  const store = new SqliteAlertStore(files, { clock, metrics, log });
  await store.start();
  return {
    store,
    telemetry,
    reopen: async () => {
      await store.stop();
      return open(name);
    },
    close: () => store.stop(),
  };
};

let opened = 0;
alertStoreContract(() => {
  opened += 1;
  return open(`alerts-${opened}.db`);
});

describe('the file of alerts', () => {
  it('is set aside when it is damaged, and another is begun', async () => {
    writeFileSync(file('damaged.db'), 'this is no database, whatever it is called '.repeat(200));
    const subject = await open('damaged.db');
    expect(await subject.store.step(1)).toMatchObject({ firing: 0 });
    await subject.close();
    expect(readdirSync(folder).filter((name) => name.startsWith('damaged.db.corrupt'))).toHaveLength(1);
  });

  it('of a newer version is refused', async () => {
    const db = new Database(file('newer.db'));
    db.pragma('user_version = 99');
    db.close();
    await expect(open('newer.db')).rejects.toMatchObject({ code: 'ALERT_STORE_VERSION_UNKNOWN' });
  });
});
