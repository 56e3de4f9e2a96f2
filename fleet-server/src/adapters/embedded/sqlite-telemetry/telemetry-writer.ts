/** The one writer of the telemetry file: appends in single transactions, and takes devices and expired days out again. */
import { recordsIn } from '../../../ports/packed-records/pack-records.ts';
import { PackedCursor } from '../../../ports/packed-records/packed-cursor.ts';
import type { NewDeadLetter } from '../../../ports/telemetry-store.ts';
import { CommitExtents } from './commit-extents.ts';
import { dayName, daySpan, listDays, packFlags, rawTable, shapeTable, type Day } from './day-table.ts';
import { DayWriter, type RowKey } from './day-writer.ts';
import { DeadLetterTable } from './dead-letter-table.ts';
import { removeDeviceStep } from './device-removal.ts';
import { IdentityTables } from './identity-tables.ts';
import type { PackedAppend } from './packed-append.ts';
import { ReceivedRanges } from './received-ranges.ts';
import { conflictLetter, isSameRecord, type IncomingRecord } from './same-record.ts';
import { checkIntegrity, type Sqlite } from './telemetry-file.ts';
import { WriteAheadLog, type LogState } from './write-ahead-log.ts';

/** Verdict per record, in the order of the append. */
export const FATE = { stored: 0, duplicate: 1, conflict: 2 } as const;

export interface AppendOutcome {
  readonly batchId: number;
  readonly duplicates: number;
  readonly conflicts: number;
  /** One of `FATE` per record; absent when all were stored. */
  readonly fates: Uint8Array | undefined;
  readonly rows: number;
  readonly seconds: number;
  readonly log: LogState;
}

const PROBE_BYTES = 131_072;

interface Tally {
  readonly batchId: number;
  stored: number;
  duplicates: number;
  conflicts: number;
  readonly fates: Uint8Array;
  readonly extents: CommitExtents;
  readonly conflictLetters: NewDeadLetter[];
}

export class TelemetryWriter {
  readonly #db: Sqlite;
  readonly #deadLetters: DeadLetterTable;
  readonly #identities: IdentityTables;
  readonly #ranges: ReceivedRanges;
  readonly #days = new Map<Day, DayWriter>();
  readonly #addCommit;
  readonly #addTotals;
  readonly #readLastBatchId;
  readonly #log: WriteAheadLog;
  #lastBatchId: number;
  /** Of the transaction that is open. */
  #tallies: Tally[] = [];
  #openedAt = 0;
  #today = daySpan(0);
  /** Newest first; undefined when it has to be read anew. */
  #dayList: Day[] | undefined;

  constructor(db: Sqlite, deadLetterRows: number) {
    this.#db = db;
    this.#deadLetters = new DeadLetterTable(db, deadLetterRows);
    this.#identities = new IdentityTables(db);
    this.#ranges = new ReceivedRanges(db);
    this.#addCommit = db.prepare('INSERT INTO commits (batch_id, committed_at, extents) VALUES (?, ?, ?)');
    this.#addTotals = db.prepare(
      `UPDATE totals SET last_batch_id = ?, records = records + ?, duplicates = duplicates + ?,
        dead_letters = dead_letters + ?`,
    );
    this.#readLastBatchId = db.prepare<[], number>('SELECT last_batch_id FROM totals').pluck();
    this.#log = new WriteAheadLog(db);
    this.#lastBatchId = this.#readLastBatchId.get() ?? 0;
  }

  /**
   * Several appends in one transaction, each with its own log row: all of them or nothing; returns after the sync.
   * @throws SQLite's errors, after a rollback
   */
  append(appends: readonly PackedAppend[], now: number): AppendOutcome[] {
    this.add(appends, now);
    return this.commit();
  }

  /**
   * To the transaction that is open, which it opens; nothing of it is there for anybody else before `commit`.
   * @throws SQLite's errors, after a rollback of all that was added
   */
  add(appends: readonly PackedAppend[], now: number): void {
    try {
      if (!this.#db.inTransaction) {
        this.#openedAt = performance.now();
        this.#db.exec('BEGIN IMMEDIATE');
      }
      for (const packed of appends) this.#tallies.push(this.#apply(packed, now));
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  /**
   * Returns after the sync. @returns one for each that was added since the last, in that order
   * @throws as `add`
   */
  commit(): AppendOutcome[] {
    if (!this.#db.inTransaction) return [];
    try {
      this.#ranges.persist();
      this.#db.exec('COMMIT');
      this.#ranges.committed();
      const tallies = this.#tallies;
      this.#tallies = [];
      const seconds = (performance.now() - this.#openedAt) / 1_000;
      const log = this.#log.state();
      return tallies.map(({ batchId, stored, duplicates, conflicts, fates }) => ({
        batchId,
        duplicates,
        conflicts,
        fates: duplicates + conflicts === 0 ? undefined : fates,
        rows: stored,
        seconds,
        log,
      }));
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  /** Copies the log into the file as far as readers allow. */
  checkpoint(): void {
    this.#log.checkpoint();
  }

  /** Takes as much space as a small append would, so that success means that appends can succeed. */
  probe(): void {
    try {
      this.#db.exec(`BEGIN IMMEDIATE; INSERT INTO probe (filler) VALUES (zeroblob(${PROBE_BYTES})); COMMIT;`);
      this.#db.exec('DELETE FROM probe');
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  /** @throws an error that `isCorruption` recognises */
  check(): void {
    checkIntegrity(this.#db);
  }

  /** Rows go in steps, newest day first; the last step removes the device itself. @returns whether more is to do */
  deleteDeviceStep(deviceId: string): boolean {
    return this.#atomically(() => removeDeviceStep(this.#db, this.#deadLetters, deviceId));
  }

  /** Drops days before `firstKept` with their log rows; the ranges stay, so that nothing old is taken for new. */
  dropDaysBefore(firstKept: Day): string[] {
    const expired = listDays(this.#db).filter((day) => day < firstKept);
    for (const day of expired) {
      this.#atomically(() => {
        this.#db.exec(`DROP TABLE ${rawTable(day)}; DROP TABLE IF EXISTS ${shapeTable(day)};`);
        const endOfDay = Date.parse(`${dayName(day)}T23:59:59.999Z`);
        this.#db.prepare('DELETE FROM commits WHERE committed_at <= ?').run(endOfDay);
      });
      this.#days.delete(day);
    }
    return expired.map(dayName);
  }

  #apply(packed: PackedAppend, now: number): Tally {
    this.#lastBatchId += 1;
    const tally = this.#records(packed, this.#lastBatchId);
    const letters = [...packed.deadLetters, ...tally.conflictLetters];
    for (const letter of letters) this.#deadLetters.add(letter);
    if (!tally.extents.isEmpty) this.#addCommit.run(tally.batchId, now, tally.extents.toText());
    this.#addTotals.run(tally.batchId, tally.stored, tally.duplicates, letters.length);
    return tally;
  }

  #records(packed: PackedAppend, batchId: number): Tally {
    const tally: Tally = {
      batchId,
      stored: 0,
      duplicates: 0,
      conflicts: 0,
      fates: new Uint8Array(recordsIn(packed.parts)),
      extents: new CommitExtents(),
      conflictLetters: [],
    };
    const cursor = new PackedCursor(packed.parts);
    while (cursor.nextBatch()) this.#batch(cursor, tally);
    return tally;
  }

  #batch(cursor: PackedCursor, tally: Tally): void {
    const deviceNo = this.#identities.device(cursor.deviceId);
    const epochNo = this.#identities.epoch(deviceNo, cursor.epoch);
    const received = this.#ranges.of(epochNo);
    const day = this.#day(this.#dayOf(cursor.receivedAt));
    while (cursor.nextRecord()) {
      if (received.add(cursor.sequence)) {
        this.#store(day, cursor, { deviceNo, epochNo });
        tally.extents.add(day.day, deviceNo, epochNo, cursor);
        tally.stored += 1;
      } else if (this.#isDuplicate({ deviceNo, epochNo, sequence: cursor.sequence }, cursor)) {
        tally.fates[cursor.index] = FATE.duplicate;
        tally.duplicates += 1;
      } else {
        tally.fates[cursor.index] = FATE.conflict;
        tally.conflicts += 1;
        tally.conflictLetters.push(conflictLetter(cursor));
      }
    }
  }

  #store(day: DayWriter, cursor: PackedCursor, key: Omit<RowKey, 'sequence'>): void {
    const { eventAt, observedAt, shape } = cursor;
    day.insert({
      deviceNo: key.deviceNo,
      kind: cursor.kind,
      eventAt,
      epochNo: key.epochNo,
      sequence: cursor.sequence,
      flags: packFlags(cursor.clock, cursor.priority, cursor.lane),
      lag: cursor.receivedAt - eventAt,
      observedAt: observedAt === eventAt ? null : observedAt,
      shapeNo: shape === null ? null : day.shapeNo(shape),
      body: cursor.body,
    });
  }

  /** Messages of one commit mostly share the millisecond, and nearly always the day. */
  #dayOf(receivedAt: number): Day {
    if (receivedAt < this.#today.from || receivedAt >= this.#today.to) this.#today = daySpan(receivedAt);
    return this.#today.day;
  }

  /** A row that retention has dropped cannot be compared; its key was received, so it counts as the same. */
  #isDuplicate(key: RowKey, incoming: IncomingRecord): boolean {
    this.#dayList ??= listDays(this.#db);
    const days = this.#dayList.map((day) => this.#day(day));
    for (const day of days) {
      const found = day.findAt(key, incoming.kind, incoming.eventAt);
      if (found !== undefined) return isSameRecord(incoming, found);
    }
    for (const day of days) {
      const found = day.findAnywhere(key);
      if (found !== undefined) return isSameRecord(incoming, found);
    }
    return true;
  }

  #day(day: Day): DayWriter {
    const known = this.#days.get(day);
    if (known !== undefined) return known;
    const writer = new DayWriter(this.#db, day);
    this.#dayList = undefined;
    this.#days.set(day, writer);
    return writer;
  }

  #atomically<T>(work: () => T): T {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const result = work();
      this.#db.exec('COMMIT');
      this.#forget();
      return result;
    } catch (error) {
      this.#undo();
      throw error;
    }
  }

  /** SQLite rolls back by itself on some errors, so there may be nothing left to undo. */
  #undo(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    this.#tallies = [];
    this.#forget();
  }

  /** What memory says about a rolled-back transaction may not be so: tables, numbers and ranges are read anew. */
  #forget(): void {
    this.#identities.forgetAll();
    this.#ranges.forgetAll();
    this.#days.clear();
    this.#dayList = undefined;
    this.#lastBatchId = this.#readLastBatchId.get() ?? this.#lastBatchId;
  }
}
