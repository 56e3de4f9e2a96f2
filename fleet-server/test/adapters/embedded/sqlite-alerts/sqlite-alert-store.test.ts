/** The contract of the alert store on SQLite, and files that are damaged, too new, or lose their thread. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
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

const log = pino({ level: 'silent' });

interface Opened extends AlertSubject {
  readonly store: SqliteAlertStore;
  readonly folder: string;
}

const open = async (folder: string): Promise<Opened> => {
  const metrics = new PrometheusMetrics();
  const clock = new SystemClock();
  const file = (name: string): string => join(folder, name);
  const { storage } = loadConfig({ file: undefined, environment: {}, flags: {} });
  const bus = new InProcessBus(metrics, log);
  const telemetry = new SqliteTelemetryStore({ ...storage, file: file('ingest.db') }, { clock, metrics, bus, log });
  await telemetry.start();
  // Nothing is published here: that the file is there is enough.
  openWindows(file('windows.db'), 0).db.close();
  const store = new SqliteAlertStore(
    { file: file('alerts.db'), logFile: file('ingest.db'), windowsFile: file('windows.db') },
    { clock, metrics, log },
  );
  const stop = async (): Promise<void> => {
    await store.stop();
    await telemetry.stop();
  };
  try {
    await store.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    folder,
    store,
    telemetry,
    reopen: async () => {
      await stop();
      return open(folder);
    },
    remove: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const openFresh = (): Promise<Opened> => open(mkdtempSync(join(tmpdir(), 'shoal-alert-store-')));

alertStoreContract(openFresh);

describe('the file of alerts', () => {
  let folder = '';
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A file that some store has made, without that store. */
  const madeAndLeft = async (): Promise<string> => {
    const subject = await openFresh();
    ({ folder } = subject);
    const spare = mkdtempSync(join(tmpdir(), 'shoal-alert-spare-'));
    await subject.store.step(1);
    await subject.store.stop();
    for (const name of readdirSync(folder)) copyFileSync(join(folder, name), join(spare, name));
    await subject.remove();
    folder = spare;
    return join(spare, 'alerts.db');
  };

  it('is set aside when it is damaged, and another is begun with ids of its own', async () => {
    writeFileSync(await madeAndLeft(), 'this is no database, whatever it is called '.repeat(200));
    const subject = await open(folder);
    expect(await subject.store.step(1)).toMatchObject({ firing: 0 });
    expect(readdirSync(folder).filter((name) => name.includes('corrupt'))).toHaveLength(1);
    await subject.remove();
  });

  it('of a newer version is refused', async () => {
    const db = new Database(await madeAndLeft());
    db.pragma('user_version = 99');
    db.close();
    await expect(open(folder)).rejects.toMatchObject({ code: 'ALERT_STORE_VERSION_UNKNOWN' });
  });
});
