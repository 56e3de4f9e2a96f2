/** What comes after the retention of its window, what is dropped when, and what happens when the log itself is another. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { streamDefinitionSchema, type StreamStatus, type WindowLevel, type WindowResult } from '@shoal/protocol';
import { openForWriting, type Sqlite } from '../../../../src/adapters/embedded/sqlite-windows/windows-file.ts';
import { WindowsReads } from '../../../../src/adapters/embedded/sqlite-windows/windows-reads.ts';
import { WindowsWriter } from '../../../../src/adapters/embedded/sqlite-windows/windows-writer.ts';
import { ListedLog } from './listed-log.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 5, 15, 12);

const define = (window: object, more: object = {}) =>
  streamDefinitionSchema.parse({
    name: 'stream',
    source: { kind: 'readings' },
    key: { by: 'device' },
    window,
    aggregates: [{ name: 'records', aggregate: 'count' }],
    retentionDays: { window: 7, hour: 30, day: 60 },
    ...more,
  });
const TUMBLING = { kind: 'tumbling', sizeMs: MINUTE_MS };

describe('retention of windows', () => {
  let folder: string;
  let db: Sqlite;
  let log: ListedLog;
  let writer: WindowsWriter;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-windows-'));
    ({ db } = openForWriting(join(folder, 'windows.db'), 0));
    log = new ListedLog(NOW);
    writer = new WindowsWriter(db, log);
  });
  afterEach(() => {
    db.close();
    rmSync(folder, { recursive: true });
  });

  const windows = (level: WindowLevel = 'window'): WindowResult[] =>
    new WindowsReads(db).windows({
      stream: 'stream',
      level,
      key: undefined,
      from: undefined,
      to: undefined,
      cursor: undefined,
      state: 'all',
      order: 'asc',
      limit: 1_000,
    }).items;
  const counts = (): number[] =>
    (['window', 'hour', 'day'] as const).map((level) => windows(level).reduce((sum, { records }) => sum + records, 0));
  const tally = (): StreamStatus['tally'] | undefined => new WindowsReads(db).status('stream', 0)?.tally;
  const say = (...daysAgo: number[]): void => {
    log.commits.push(daysAgo.map((days) => NOW - days * DAY_MS));
  };
  const trim = (now: number): void => {
    while (writer.trim(now) > 0);
  };

  it('lets later data enter the lowest level that is kept, and counts it', () => {
    writer.define(define(TUMBLING), NOW);
    say(1, 8, 31, 61, 3);
    writer.step(NOW, 100);
    expect(counts()).toEqual([2, 3, 4]);
    expect(tally()).toMatchObject({ windowed: 2, rolledUp: 2, expired: 1 });
  });

  it('drops windows level by level and keeps what they were rolled up to', () => {
    writer.define(define(TUMBLING), NOW);
    say(1, 2, 3);
    writer.step(NOW, 100);
    expect(counts()).toEqual([3, 3, 3]);
    trim(NOW + 5.5 * DAY_MS);
    expect(counts()).toEqual([1, 3, 3]);
    log.commits.push([NOW - 3 * DAY_MS]);
    writer.step(NOW + 5.5 * DAY_MS, 100);
    expect(counts()).toEqual([1, 4, 4]);
    trim(NOW + 40 * DAY_MS);
    expect(counts()).toEqual([0, 0, 4]);
    trim(NOW + 70 * DAY_MS);
    expect(counts()).toEqual([0, 0, 0]);
    expect(tally()).toMatchObject({ windowed: 3, rolledUp: 1 });
  });

  it('keeps in the days of hopping windows and sessions only what came too late', () => {
    for (const window of [
      { kind: 'hopping', sizeMs: 2 * MINUTE_MS, everyMs: MINUTE_MS },
      { kind: 'session', gapMs: MINUTE_MS },
    ]) {
      writer.define(define(window), NOW);
      say(1, 8, 90);
      writer.step(NOW, 100);
      expect(counts()[2]).toBe(log.commits.length);
      expect(tally()).toMatchObject({ windowed: log.commits.length, rolledUp: log.commits.length });
    }
  });

  it('keeps the newest count window of a key, so that numbers go on', () => {
    writer.define(define({ kind: 'count', records: 2 }), NOW);
    say(1, 2, 3, 4, 5);
    writer.step(NOW, 100);
    trim(NOW + 30 * DAY_MS);
    expect(windows().map(({ records, state }) => [records, state])).toEqual([[1, 'open']]);
    say(1);
    writer.step(NOW + 30 * DAY_MS, 100);
    expect(db.prepare('SELECT start FROM windows').pluck().all()).toEqual([2]);
  });

  it('removes the windows of a stream that was replaced or dropped', () => {
    writer.define(define(TUMBLING), NOW);
    say(1, 2);
    writer.step(NOW, 100);
    writer.define(define({ ...TUMBLING, sizeMs: 2 * MINUTE_MS }), NOW);
    expect(counts()).toEqual([0, 0, 0]);
    writer.step(NOW, 100);
    expect(counts()).toEqual([2, 2, 2]);
    writer.adopt([], NOW);
    trim(NOW);
    expect(db.prepare('SELECT count(*) FROM windows').pluck().get()).toBe(0);
    expect(db.prepare('SELECT count(*) FROM streams').pluck().get()).toBe(0);
  });

  it('starts from now when it is asked to, and anew when the log was set aside', () => {
    say(1);
    writer.define(define(TUMBLING, { startFrom: 'now' }), NOW);
    say(2);
    say(2);
    writer.step(NOW, 100);
    expect(counts()[0]).toBe(2);
    log.commits = [];
    say(3);
    writer.step(NOW, 100);
    expect(counts()[0]).toBe(3);
  });
});
