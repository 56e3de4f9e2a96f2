/** Revisions of windows kept for those who follow: of which streams, since when, for how long, and in files of before. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { streamDefinitionSchema, type StreamDefinition } from '@shoal/protocol';
import { readPublications } from '../../../../src/adapters/embedded/sqlite-windows/publications-reads.ts';
import { openForWriting, type Sqlite } from '../../../../src/adapters/embedded/sqlite-windows/windows-file.ts';
import { WindowsReads } from '../../../../src/adapters/embedded/sqlite-windows/windows-reads.ts';
import { WindowsWriter } from '../../../../src/adapters/embedded/sqlite-windows/windows-writer.ts';
import type { Publications, StoredWindows } from '../../../../src/ports/window-store.ts';
import { ListedLog } from './listed-log.ts';

const MINUTE_MS = 60_000;
const NOW = Date.UTC(2026, 5, 15, 12);

const define = (name: string, sizeMs = MINUTE_MS): StreamDefinition =>
  streamDefinitionSchema.parse({
    name,
    source: { kind: 'readings' },
    key: { by: 'device' },
    window: { kind: 'tumbling', sizeMs },
    aggregates: [{ name: 'records', aggregate: 'count' }],
  });

describe('publications that are kept', () => {
  let folder: string;
  let db: Sqlite;
  let log: ListedLog;
  let writer: WindowsWriter;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-publications-'));
    log = new ListedLog(NOW);
    open();
    writer.define(define('kept'), NOW);
    writer.define(define('other'), NOW);
  });
  afterEach(() => {
    db.close();
    rmSync(folder, { recursive: true });
  });

  const open = (): void => {
    ({ db } = openForWriting(join(folder, 'windows.db'), 0));
    writer = new WindowsWriter(db, log);
  };
  /** Records so many minutes before now, and the windows they change are published. */
  const say = (...minutesAgo: number[]): void => {
    log.commits.push(minutesAgo.map((minutes) => NOW - minutes * MINUTE_MS));
    while (!writer.step(NOW + log.commits.length, 100).isCaughtUp);
  };
  const published = (afterChange = 0, limit = 100): Publications =>
    readPublications(db, { streams: ['kept', 'other'], afterChange, untilChange: Number.MAX_SAFE_INTEGER, limit });
  const records = ({ windows }: Pick<StoredWindows, 'windows'>): unknown[] =>
    windows.map(({ stream, endAt, values }) => [stream, (NOW - endAt) / MINUTE_MS + 1, values?.['records']]);
  const stored = (changedUntil: number, limit = 100, cursor?: string): StoredWindows =>
    new WindowsReads(db).stored({ stream: 'kept', cursor, changedUntil, endAfter: 0, limit });

  it('are every revision of the streams that are followed, from then on, and nothing of others', () => {
    say(10, 9);
    expect(db.prepare('SELECT count(*) FROM publications').pluck().get()).toBe(0);
    writer.keep(['kept']);
    const { lastChange, keptSince } = published();
    expect([...keptSince]).toEqual([['kept', lastChange]]);
    say(10);
    say(10, 8);
    db.close();
    open();
    say(8);
    expect(records(published())).toEqual([
      ['kept', 10, 2],
      ['kept', 10, 3],
      ['kept', 8, 1],
      ['kept', 8, 2],
    ]);
    expect(records(published(0, 1))).toEqual([['kept', 10, 2]]);
    expect(records(published(published(0, 1).position, 1))).toEqual([['kept', 10, 3]]);
    expect(published().position).toBe(published().lastChange);
  });

  it('are apart from the windows that were there before', () => {
    say(10, 9, 8);
    writer.keep(['kept']);
    const { lastChange } = published();
    say(9, 7);
    expect(records(stored(lastChange))).toEqual([
      ['kept', 10, 1],
      ['kept', 8, 1],
    ]);
    const first = stored(lastChange, 1);
    expect(records(first)).toEqual([['kept', 10, 1]]);
    expect(records(stored(lastChange, 1, first.nextCursor ?? ''))).toEqual([['kept', 8, 1]]);
    expect(new WindowsReads(db).stored({ ...END, stream: 'gone' })).toMatchObject({
      definition: undefined,
      windows: [],
    });
  });

  it('go with their definition: of another one of the name there are its own', () => {
    writer.keep(['kept']);
    say(10);
    writer.define(define('kept', 5 * MINUTE_MS), NOW);
    while (!writer.step(NOW + 10, 100).isCaughtUp);
    expect(published().definitions.map(({ window }) => window)).toContainEqual({
      kind: 'tumbling',
      sizeMs: 5 * MINUTE_MS,
    });
    expect(published().windows.map(({ endAt }) => endAt % (5 * MINUTE_MS))).toEqual([0]);
    writer.drop('kept');
    expect(published()).toMatchObject({ windows: [], definitions: [{ name: 'other' }] });
  });

  it('say since when they are all there, once the oldest are dropped', () => {
    writer.keep(['kept']);
    say(10);
    const before = published().lastChange;
    db.prepare('INSERT INTO changes VALUES (?, 0, 0, 0, 0, 0)').run(before + 200_000);
    writer.trim(NOW);
    expect(published()).toMatchObject({ windows: [], keptSince: new Map([['kept', before]]) });
  });

  it('begin in a file that was written before anybody followed', () => {
    say(10);
    db.exec('DROP TABLE kept; DROP TABLE publications');
    db.pragma('user_version = 1');
    db.close();
    open();
    writer.keep(['kept']);
    say(9);
    expect(records(published())).toEqual([['kept', 9, 1]]);
    expect(stored(published().lastChange).windows).toHaveLength(2);
  });
});

const END = { cursor: undefined, changedUntil: 0, endAfter: 0, limit: 10 };
