/** The yardstick of storage: a bare better-sqlite3 loop, the same rows, the same table, transactions of 1,000. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Reading } from '@shoal/protocol';
import { builtModule } from './built-server.ts';
import { serveOrders } from './child.ts';
import { benchDeviceId, pumpMessages } from './pump-records.ts';

export interface InsertOrder {
  readonly dataDir: string | undefined;
  readonly devices: number;
  readonly epoch: string;
  readonly messagesPerDevice: number;
  readonly recordsPerMessage: number;
}

const ROWS_PER_TRANSACTION = 1_000;

interface DayTable {
  createDay(db: Database.Database, day: string): void;
  rawTable(day: string): string;
  INSERT_COLUMNS: string;
}

/** Rows in the order in which the generator's messages interleave: message by message, device after device. */
const rowsOf = (order: InsertOrder): unknown[][] => {
  const startAt = Date.now() - order.messagesPerDevice * order.recordsPerMessage;
  const devices = Array.from({ length: order.devices }, (_, index) =>
    pumpMessages({ ...order, deviceId: benchDeviceId(index), messages: order.messagesPerDevice, startAt }),
  );
  const rows: unknown[][] = [];
  for (let message = 0; message < order.messagesPerDevice; message += 1) {
    for (const [index, device] of devices.entries()) {
      for (const reading of (device.next().value ?? []) as Reading[]) {
        const body = Buffer.from(Float64Array.from(Object.values(reading.values).map(Number)).buffer);
        rows.push([index + 1, 0, reading.observedAt, index + 1, reading.sequence, 8, 40, null, 1, body]);
      }
    }
  }
  return rows;
};

serveOrders(async (order: InsertOrder) => {
  const table = await builtModule<DayTable>('adapters/embedded/sqlite-telemetry/day-table.js');
  const folder = mkdtempSync(join(order.dataDir ?? tmpdir(), 'shoal-bare-'));
  const rows = rowsOf(order);
  const db = new Database(join(folder, 'bare.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  table.createDay(db, '20260101');
  const marks = table.INSERT_COLUMNS.split(',')
    .map(() => '?')
    .join(', ');
  const insert = db.prepare(`INSERT INTO ${table.rawTable('20260101')} ${table.INSERT_COLUMNS} VALUES (${marks})`);
  const startedAt = performance.now();
  for (let at = 0; at < rows.length; at += ROWS_PER_TRANSACTION) {
    db.exec('BEGIN IMMEDIATE');
    for (const row of rows.slice(at, at + ROWS_PER_TRANSACTION)) insert.run(...row);
    db.exec('COMMIT');
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  db.close();
  rmSync(folder, { recursive: true });
  return { rowsPerSecond: rows.length / seconds };
});
