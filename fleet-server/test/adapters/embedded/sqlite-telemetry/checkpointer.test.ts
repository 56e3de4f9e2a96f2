/** The real thread on a real file, beside a connection that writes. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Checkpointer } from '../../../../src/adapters/embedded/sqlite-telemetry/checkpointer.ts';
import {
  CHECKPOINT_PAGES,
  openForWriting,
  type Sqlite,
} from '../../../../src/adapters/embedded/sqlite-telemetry/telemetry-file.ts';

const FULL_PAGES = 32 * CHECKPOINT_PAGES;
const PAGE = 4_096;

let folder: string;
let file: string;
let db: Sqlite;
let finished: number;
let said: string[];
let checkpointer: Checkpointer;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shoal-checkpoint-'));
  file = join(folder, 'telemetry.db');
  ({ db } = openForWriting(file, { maxPages: 1_000_000, checkedAtOpenBytes: 1_000_000 }, Date.now()));
  finished = 0;
  said = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void said.push(line) });
  const finish = (): Promise<void> => {
    finished += 1;
    db.pragma('wal_checkpoint(PASSIVE)');
    return Promise.resolve();
  };
  checkpointer = new Checkpointer(file, finish, log);
});
afterEach(async () => {
  await checkpointer.stop();
  db.close();
  rmSync(folder, { recursive: true, force: true });
});

const state = (): { pages: number; copied: number } => {
  const [row] = db.pragma('wal_checkpoint(NOOP)') as [{ log: number; checkpointed: number }];
  return { pages: row.log, copied: row.checkpointed };
};

const write = (pages: number): void => {
  db.prepare('INSERT INTO probe (filler) VALUES (zeroblob(?))').run(pages * PAGE);
};

/** `stop` waits for what is under way. */
const settled = async (): Promise<void> => checkpointer.stop();

test('a short log is left alone', async () => {
  write(100);
  checkpointer.note(state(), 0);
  await settled();
  expect(state().copied).toBe(0);
});

test('a longer one is copied by the thread while the writer may go on, and does not begin anew', async () => {
  write(CHECKPOINT_PAGES);
  const before = state();
  checkpointer.note(before, 0);
  write(10);
  await settled();
  const { pages, copied } = state();
  expect(copied).toBeGreaterThanOrEqual(before.pages);
  expect(pages).toBeGreaterThan(before.pages);
  expect(finished).toBe(0);
});

test('a full one begins anew: the writer copies the rest', async () => {
  write(FULL_PAGES);
  checkpointer.note(state(), 0);
  await settled();
  expect(finished).toBe(1);
  write(1);
  expect(state().pages).toBeLessThan(100);
  expect(said).toEqual([]);
});

test('what cannot be opened is told, and tried again after a rest', async () => {
  write(CHECKPOINT_PAGES);
  const long = state();
  const lost = new Checkpointer(
    join(folder, 'nothing', 'here.db'),
    () => Promise.resolve(),
    pino({ level: 'warn' }, { write: (line: string) => void said.push(line) }),
  );
  lost.note(long, 0);
  await lost.stop();
  expect(said.join('')).toMatch(/not copied into the telemetry file/);
  lost.note(long, 1_000);
  await lost.stop();
  expect(said).toHaveLength(1);
  lost.note(long, 10_000);
  await lost.stop();
  expect(said).toHaveLength(2);
});
