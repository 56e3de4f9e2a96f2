/** Writes down who changed what, and answers whether the trail is still whole. */
import { Injectable } from '@nestjs/common';
import type { AuditEntry, Page } from '@shoal/protocol';
import { ControlDatabase, type Transaction } from '../db/database.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { Clock } from '../ports/clock.ts';
import type { Actor } from './actor.ts';
import { CHAIN_START, verifyEntries, type ChainVerdict } from './audit-chain.ts';
import { asChained, AuditStore, type AuditFilter } from './audit.store.ts';

/** One change. `before` and `after` are JSON values; `null` where there was or is nothing. */
export interface AuditNote {
  readonly actor: Actor;
  /** Verb on a noun, for example `device.labels.changed`. */
  readonly action: string;
  /** What was changed, for example `device:pump-07`. */
  readonly subject: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Appends to the trail inside the transaction of the change. */
export type Recorder = (...notes: readonly AuditNote[]) => Promise<void>;

const VERIFY_PAGE = 200;

const asText = (state: unknown): string | null =>
  state === null || state === undefined ? null : JSON.stringify(state);
const asValue = (text: string | null): AuditEntry['before'] =>
  text === null ? null : (JSON.parse(text) as AuditEntry['before']);

@Injectable()
export class AuditService {
  private readonly database: ControlDatabase;
  private readonly clock: Clock;
  private readonly store = new AuditStore();

  constructor(database: ControlDatabase, clock: Clock) {
    this.database = database;
    this.clock = clock;
  }

  /** Runs one change in a transaction together with its audit entries: both are kept or neither is. */
  async change<T>(work: (transaction: Transaction, record: Recorder) => Promise<T>): Promise<T> {
    return this.database
      .transaction()
      .execute((transaction) => work(transaction, (...notes) => this.record(transaction, notes)));
  }

  /** Newest first. */
  async list(filter: AuditFilter, limit: number, cursor: string | undefined): Promise<Page<AuditEntry>> {
    const before = cursor === undefined ? undefined : (decodeCursor(cursor, ['number'])[0] as number);
    const rows = await this.store.newest(this.database, filter, limit + 1, before);
    const items = rows.slice(0, limit).map((row) => {
      const entry = asChained(row);
      return { ...entry, before: asValue(entry.before), after: asValue(entry.after) };
    });
    const last = items.at(-1);
    return { items, nextCursor: rows.length > limit && last ? encodeCursor([last.id]) : null };
  }

  /** Walks the whole chain page by page; also finds entries cut off at the end, because the head remembers the last. */
  async verify(): Promise<ChainVerdict> {
    const head = await this.store.head(this.database);
    let position = CHAIN_START;
    while (position.lastId < head.lastId) {
      const rows = await this.store.following(this.database, position.lastId, VERIFY_PAGE);
      if (rows.length === 0) {
        return { ok: false, brokenAt: position.lastId + 1, why: `entry ${position.lastId + 1} is missing` };
      }
      const checked = verifyEntries(position, rows.map(asChained));
      if (checked.broken) return checked.broken;
      position = checked.position;
    }
    // Entries written since the head was read are beyond it and are no fault.
    const whole = position.lastId > head.lastId || position.hash === head.hash;
    if (whole) return { ok: true, entries: position.lastId, hash: position.hash };
    return { ok: false, brokenAt: head.lastId, why: 'the last entry is not the one that the head remembers' };
  }

  private async record(transaction: Transaction, notes: readonly AuditNote[]): Promise<void> {
    const at = this.clock.now();
    const rows = notes.map((note) => ({
      at,
      principal: note.actor.principal,
      from_address: note.actor.from,
      action: note.action,
      subject: note.subject,
      before_state: asText(note.before),
      after_state: asText(note.after),
    }));
    await this.store.append(transaction, rows);
  }
}
