/** The outbox file: rows by class and sequence, the counters that outlive them, and one transaction per commit. */
import Database from 'better-sqlite3';
import type { PriorityClass } from '@shoal/protocol/wire';
import { AgentError } from '../errors.ts';
import { randomId } from '../runtime.ts';
import { BodyTemplates } from './body-templates.ts';
import { addDrops, dropEntries, mergeDrops, NO_DROPS, takeBackDrops } from './drop-counts.ts';
import { planEviction, type EvictableRecord, type OutboxBounds, type OutboxUsage } from './eviction-policy.ts';
import type { CommitRequest, FileState, RecordToStore, WriterOptions } from './outbox-messages.ts';
import { takeLogRoom } from './log-room.ts';
import { prepareOutboxFile, WAL_BYTES } from './outbox-schema.ts';
import type { Acknowledgement, DropCounts, DropReason, KeyRange, ReadRequest, StoredRecord } from './outbox.port.ts';
import { CLASS_CODES, codeOf, KIND_CODES } from './record-codes.ts';

/** Free pages are given back to the file system when they are more than this and more than a quarter of the file. */
const SPARE_PAGES = 2_048;

const byClass = <T>(make: (priority: PriorityClass) => T): Record<PriorityClass, T> => ({
  alarm: make('alarm'),
  prediction: make('prediction'),
  reading: make('reading'),
  debug: make('debug'),
});

interface Usage {
  readonly records: number;
  readonly sizeBytes: number;
  /** No record of the class lies below; where to begin to look for one. */
  readonly lowest: number;
  readonly highest: number;
}

const NO_USAGE: Usage = { records: 0, sizeBytes: 0, lowest: 0, highest: 0 };

interface RecordRow {
  readonly sequence: number;
  readonly kind: number;
  readonly size_bytes: number;
  readonly template: number;
  readonly body: string | Buffer;
}

/** Opens the file, makes it when there is none, and refuses what it cannot trust. Everything is synchronous. */
export class OutboxDatabase {
  readonly #db: Database.Database;
  readonly #bounds: OutboxBounds;
  readonly #insert: Database.Statement;
  readonly #templates: BodyTemplates;
  #epoch = '';
  #lastSequence = 0;
  #usage: Record<PriorityClass, Usage> = byClass(() => NO_USAGE);
  #dropped: DropCounts = NO_DROPS;
  /** What `highest_removed` says, when it is the last sequence; else 0. */
  #keptCounter = 0;

  /** Throws OUTBOX_FROM_NEWER_AGENT, OUTBOX_CORRUPT, and what SQLite throws. */
  constructor({ file, bounds }: WriterOptions) {
    this.#bounds = bounds;
    this.#db = new Database(file, { timeout: 500 });
    try {
      prepareOutboxFile(this.#db, file);
      this.#insert = this.#db.prepare(
        'INSERT INTO records (sequence, class, kind, created_at, size_bytes, template, body) VALUES (?, ?, ?, ?, ?, ?, ?)',
      );
      this.#templates = new BodyTemplates(this.#db);
      this.#load();
      takeLogRoom(file, WAL_BYTES);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  state(): FileState {
    return {
      epoch: this.#epoch,
      lastSequence: this.#lastSequence,
      depthByClass: byClass((priority) => this.#usage[priority].records),
      highestByClass: byClass((priority) => this.#usage[priority].highest),
      sizeBytes: CLASS_CODES.reduce((sum, priority) => sum + this.#usage[priority].sizeBytes, 0),
      dropped: this.#dropped,
    };
  }

  /** All or nothing; synced to disk when it returns. Returns what the bounds cost. */
  commit(request: CommitRequest): DropCounts {
    let evicted: DropCounts = NO_DROPS;
    this.#transaction(() => {
      for (const acknowledgement of request.acknowledged) this.#forget(acknowledgement);
      for (const record of request.records) this.#store(record);
      evicted = this.#evict(request.now);
      this.#count(mergeDrops(request.dropped, evicted));
      this.#keepCounter();
    });
    this.#returnSpace();
    return evicted;
  }

  /** Throws OUTBOX_CORRUPT. */
  read({ priority, first, last, maxRecords, maxBytes }: ReadRequest): StoredRecord[] {
    const { records: held, lowest, highest } = this.#usage[priority];
    if (held === 0) return [];
    const rows = this.#db
      .prepare<[number, number, number], RecordRow>(
        `SELECT sequence, kind, size_bytes, template, body FROM records
         WHERE class = ${codeOf(priority)} AND sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?`,
      )
      .iterate(Math.max(first, lowest), Math.min(last, highest), maxRecords);
    const records: StoredRecord[] = [];
    let bytes = 0;
    for (const row of rows) {
      bytes += row.size_bytes;
      if (records.length > 0 && bytes > maxBytes) break;
      const kind = KIND_CODES[row.kind];
      if (kind !== undefined) records.push({ sequence: row.sequence, kind, body: this.#templates.unpack(row) });
    }
    return records;
  }

  /** What waits is renamed by it; sequences go on. */
  beginEpoch(): void {
    this.#transaction(() => {
      this.#epoch = randomId();
      this.#setMeta('epoch', this.#epoch);
    });
  }

  close(): void {
    this.#db.close();
  }

  /** Counts and counters as the file has them. */
  #load(): void {
    this.#epoch = this.#meta('epoch');
    this.#templates.load();
    const rows = this.#db
      .prepare<[], Usage & { class: number }>(
        `SELECT class, count(*) AS records, sum(size_bytes) AS sizeBytes, min(sequence) AS lowest, max(sequence) AS highest
         FROM records GROUP BY class`,
      )
      .all();
    this.#usage = byClass((priority) => rows.find((row) => row.class === codeOf(priority)) ?? NO_USAGE);
    this.#keptCounter = 0;
    this.#lastSequence = Math.max(
      Number(this.#meta('highest_removed')),
      ...CLASS_CODES.map((priority) => this.#usage[priority].highest),
    );
    const drops = this.#db
      .prepare<[], { class: number; reason: DropReason; records: number }>('SELECT class, reason, records FROM dropped')
      .all();
    this.#dropped = drops.reduce((counts, row) => {
      const priority = CLASS_CODES[row.class];
      return priority === undefined ? counts : addDrops(counts, priority, row.reason, row.records);
    }, NO_DROPS);
  }

  /** A failed transaction leaves the file as it was; the mirror in memory is read anew. */
  #transaction(work: () => void): void {
    try {
      this.#db.transaction(work)();
    } catch (error) {
      this.#load();
      throw error;
    }
  }

  #store({ priority, kind, createdAt, body, sizeBytes }: RecordToStore): void {
    const sequence = this.#lastSequence + 1;
    const packed = this.#templates.pack(kind, body);
    const columns = [sequence, codeOf(priority), KIND_CODES.indexOf(kind), createdAt, sizeBytes];
    this.#insert.run(...columns, packed.template, packed.body);
    this.#lastSequence = sequence;
    const usage = this.#usage[priority];
    this.#usage[priority] = {
      records: usage.records + 1,
      sizeBytes: usage.sizeBytes + sizeBytes,
      lowest: usage.records === 0 ? sequence : usage.lowest,
      highest: sequence,
    };
  }

  /** Rows that were evicted while they were in flight are not lost: the server has them. */
  #forget({ records, ...range }: Acknowledgement): void {
    const arrivedAfterEviction = records - this.#remove(range).records;
    if (arrivedAfterEviction > 0) this.#setDropped(takeBackDrops(this.#dropped, range.priority, arrivedAfterEviction));
  }

  #remove({ priority, first, last }: KeyRange): { readonly records: number; readonly sizeBytes: number } {
    const usage = this.#usage[priority];
    const where = `WHERE class = ${codeOf(priority)} AND sequence BETWEEN ? AND ?`;
    const range: [number, number] = [Math.max(first, usage.lowest), Math.min(last, usage.highest)];
    const gone = this.#db
      .prepare<[number, number], { records: number; size_bytes: number | null }>(
        `SELECT count(*) AS records, sum(size_bytes) AS size_bytes FROM records ${where}`,
      )
      .get(...range);
    const records = gone?.records ?? 0;
    const sizeBytes = gone?.size_bytes ?? 0;
    if (records === 0) return { records, sizeBytes };
    this.#db.prepare<[number, number]>(`DELETE FROM records ${where}`).run(...range);
    this.#usage[priority] = {
      ...usage,
      records: usage.records - records,
      sizeBytes: usage.sizeBytes - sizeBytes,
      lowest: first <= usage.lowest ? Math.max(usage.lowest, last + 1) : usage.lowest,
    };
    return { records, sizeBytes };
  }

  /** The last sequence must outlive its row; a page is only written for it when the row is gone. */
  #keepCounter(): void {
    if (this.#lastSequence === this.#keptCounter) return;
    const highest = this.#db.prepare<[], { sequence: number | null }>('SELECT max(sequence) AS sequence FROM records');
    const isInRow = highest.get()?.sequence === this.#lastSequence;
    if (!isInRow) this.#setMeta('highest_removed', String(this.#lastSequence));
    this.#keptCounter = isInRow ? 0 : this.#lastSequence;
  }

  #evict(now: number | null): DropCounts {
    const usage: OutboxUsage = this.#usage;
    const oldest = (priority: PriorityClass): IterableIterator<EvictableRecord> =>
      this.#db
        .prepare<[number], EvictableRecord>(
          `SELECT sequence, size_bytes AS sizeBytes, created_at AS createdAt FROM records
           WHERE class = ${codeOf(priority)} AND sequence >= ? ORDER BY sequence`,
        )
        .iterate(this.#usage[priority].lowest);
    let evicted: DropCounts = NO_DROPS;
    for (const { priority, reason, through } of planEviction({ usage, bounds: this.#bounds, now, oldest })) {
      const { records } = this.#remove({ priority, first: 0, last: through });
      evicted = addDrops(evicted, priority, reason, records);
    }
    return evicted;
  }

  #count(added: DropCounts): void {
    if (dropEntries(added).length > 0) this.#setDropped(mergeDrops(this.#dropped, added));
  }

  #setDropped(dropped: DropCounts): void {
    this.#db.exec('DELETE FROM dropped');
    const insert = this.#db.prepare('INSERT INTO dropped (class, reason, records) VALUES (?, ?, ?)');
    for (const { priority, reason, records } of dropEntries(dropped)) insert.run(codeOf(priority), reason, records);
    this.#dropped = dropped;
  }

  #returnSpace(): void {
    const free = this.#db.pragma('freelist_count', { simple: true }) as number;
    if (free <= SPARE_PAGES) return;
    const pages = this.#db.pragma('page_count', { simple: true }) as number;
    if (free * 4 > pages) this.#db.pragma(`incremental_vacuum(${free - SPARE_PAGES / 2})`);
  }

  #meta(name: string): string {
    const row = this.#db.prepare<[string], { value: string }>('SELECT value FROM meta WHERE name = ?').get(name);
    if (row === undefined) throw new AgentError('OUTBOX_CORRUPT', `The outbox has no "${name}".`);
    return row.value;
  }

  #setMeta(name: string, value: string): void {
    this.#db
      .prepare('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
      .run(name, value);
  }
}
