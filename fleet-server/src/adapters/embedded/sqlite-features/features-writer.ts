/** Writes features: every method is one transaction, and the position in the log is part of it. */
import type { Pane, PushedValue } from '@shoal/models';
import { mergePanes, paneIndexAt, paneOf } from '@shoal/models/panes';
import type {
  ImportPart,
  LogEffects,
  LogSlot,
  PublishedValue,
  PushedOutcome,
  PushedWrite,
  RegisteredView,
  SettledAudit,
  SlotSpec,
  WindowEffects,
} from '../../../ports/feature-store.ts';
import { entriesOf, type LogEntry } from '../../../ports/log-columns.ts';
import { breathe } from '../../../give-way.ts';
import { decodePane, decodeState, emptyState, encodePane, encodeState, type EntityState } from './entity-state.ts';
import type { Sqlite } from './features-file.ts';
import { trimmed, withPanes } from './held-panes.ts';
import { prepareStatements, type Statements } from './writer-statements.ts';

interface Opened {
  readonly entityNo: number;
  readonly state: EntityState;
}

/** Newest audits kept. */
const AUDITS_KEPT = 10_000;
const DROP_AT_ONCE = 5_000;
const ERASE_AT_ONCE = 2_000;

/** Event time decides, then created time. */
const isNewer = (candidate: PushedValue, held: PushedValue | undefined): boolean =>
  held === undefined ||
  candidate.eventAt > held.eventAt ||
  (candidate.eventAt === held.eventAt && candidate.createdAt >= held.createdAt);

export class FeaturesWriter {
  readonly #db: Sqlite;
  readonly #sql: Statements;
  /** Of the transaction that runs. */
  readonly #open = new Map<string, Opened>();

  constructor(db: Sqlite) {
    this.#db = db;
    this.#sql = prepareStatements(db);
  }

  register(view: string, slots: readonly SlotSpec[]): RegisteredView {
    return this.#transaction(() => {
      this.#sql.addView.run(view);
      const viewNo = this.#sql.viewNo.get(view) ?? 0;
      for (const { identity, kind } of slots) this.#sql.addSlot.run(viewNo, identity, kind === 'windows' ? -1 : 0);
      const found = slots.map(({ identity }) => this.#sql.slot.get(viewNo, identity));
      return {
        viewNo,
        slots: found.map((row) => row ?? { slotNo: 0, position: 0, fill: null }),
      };
    });
  }

  put(writes: readonly PushedWrite[], now: number): PushedOutcome[] {
    return this.#transaction(() => writes.map((write) => this.#put(write, now)));
  }

  importRows({ importId, writes, rejected }: ImportPart, now: number): null {
    return this.#transaction(() => {
      const row = this.#sql.importOf.get(importId);
      if (row === undefined) throw new Error(`there is no import ${importId}`);
      const stored = writes.filter((write) => 'changed' in this.#accept(write, now)).length;
      const reasons = JSON.parse(row.reasons) as Record<string, number>;
      for (const { line, reason, detail, sample } of rejected) {
        reasons[reason] = (reasons[reason] ?? 0) + 1;
        this.#sql.addRejected.run(row.import_no, line, reason, detail, sample);
      }
      this.#sql.countImport.run({
        importNo: row.import_no,
        rows: writes.length + rejected.length,
        stored,
        unchanged: writes.length - stored,
        rejected: rejected.length,
        reasons: JSON.stringify(reasons),
      });
      return null;
    });
  }

  beginImport(importId: string, view: string, now: number): boolean {
    return this.#sql.addImport.run(importId, view, now).changes > 0;
  }

  endImport(importId: string, state: string, now: number): null {
    this.#sql.endImport.run(state, now, importId);
    return null;
  }

  applyLog({ lastBatchId, slots, said, keptFrom }: LogEffects): { applied: number; tooLate: number } {
    return this.#followed(() => {
      let [applied, tooLate] = [0, 0];
      for (const entry of entriesOf(said)) {
        const slot = slots[entry.source];
        if (slot === undefined) continue;
        const entered = this.#enter(slot, entry, keptFrom);
        applied += entered;
        tooLate += entry.values.length - entered;
        breathe();
      }
      for (const { slotNo } of slots) this.#sql.setPosition.run(lastBatchId, slotNo);
      return { applied, tooLate };
    });
  }

  applyWindows({ slotNos, progress, values, keptFrom }: WindowEffects): { applied: number; tooLate: number } {
    return this.#followed(() => {
      const kept = values.filter(({ eventAt }) => eventAt >= keptFrom);
      for (const each of kept) this.#publish(each);
      for (const slotNo of slotNos) this.#sql.setProgress.run(progress.position, progress.fill, slotNo);
      return { applied: kept.length, tooLate: values.length - kept.length };
    });
  }

  saveAudits(audits: readonly SettledAudit[]): null {
    return this.#transaction(() => {
      for (const audit of audits) this.#sql.addAudit.run(audit.view, audit.result, JSON.stringify(audit));
      this.#sql.dropAudits.run(AUDITS_KEPT);
      return null;
    });
  }

  /** Rows lie in the order they were stored; a bounded number at once. */
  dropWindowsBefore(createdAt: number): number {
    return (
      this.#sql.dropPanes.run(DROP_AT_ONCE, createdAt).changes +
      this.#sql.dropPublished.run(DROP_AT_ONCE, createdAt).changes
    );
  }

  /** A bounded number of rows at once; the entity itself goes last, so that a broken off removal can be repeated. */
  erase(viewNo: number, entity: string): boolean {
    return this.#transaction(() => {
      const row = this.#sql.entity.get(viewNo, entity);
      if (row === undefined) return true;
      const { entity_no: entityNo } = row;
      const gone =
        this.#sql.dropPanesOf.run(entityNo, ERASE_AT_ONCE).changes +
        this.#sql.dropPushedOf.run(entityNo, ERASE_AT_ONCE).changes +
        this.#sql.dropPublishedOf.run(entityNo, ERASE_AT_ONCE).changes;
      if (gone > 0) return false;
      this.#sql.dropAuditsOf.run(entity, viewNo);
      this.#sql.dropEntity.run(entityNo);
      return true;
    });
  }

  #accept(write: PushedWrite, now: number): PushedOutcome | { readonly unchanged: true } {
    const outcome = this.#put(write, now);
    return 'changed' in outcome && !outcome.changed ? { unchanged: true } : outcome;
  }

  #put(write: PushedWrite, now: number): PushedOutcome {
    const { entityNo, state } = this.#entity(write.viewNo, write.entity);
    if (write.ifMatch?.includes(state.pushedAt) === false) return { stale: true, pushedAt: state.pushedAt };
    // The clock of the server may step back; knowledge does not.
    const createdAt = Math.max(now, state.pushedAt);
    const eventAt = Math.min(write.eventAt ?? createdAt, createdAt);
    let changed = false;
    for (const [slotNo, value] of write.values) {
      const slot = state.slots.get(slotNo);
      const held = Array.isArray(slot) ? undefined : slot;
      const before = this.#pushedAt(entityNo, slotNo, eventAt, held);
      if (before !== undefined && before.value === value) continue;
      changed = true;
      this.#sql.addPushed.run(entityNo, slotNo, eventAt, createdAt, value);
      const candidate: PushedValue = { value, eventAt, createdAt };
      if (isNewer(candidate, held)) state.slots.set(slotNo, candidate);
    }
    if (changed) state.pushedAt = createdAt;
    return { changed, pushedAt: state.pushedAt };
  }

  /** What was said last of that event time; the history is asked only about times before the newest. */
  #pushedAt(
    entityNo: number,
    slotNo: number,
    eventAt: number,
    held: PushedValue | undefined,
  ): { readonly value: number | null } | undefined {
    if (held === undefined || eventAt > held.eventAt) return undefined;
    return eventAt === held.eventAt ? held : this.#sql.pushedAt.get(entityNo, slotNo, eventAt);
  }

  #publish({ viewNo, slotNo, entity, eventAt, createdAt: publishedAt, value }: PublishedValue): void {
    const { entityNo, state } = this.#entity(viewNo, entity);
    const slot = state.slots.get(slotNo);
    const held = Array.isArray(slot) ? undefined : slot;
    // The clock of the server may step back; a correction is never older than what it corrects.
    const createdAt = Math.max(publishedAt, this.#correctedAt(entityNo, slotNo, eventAt, held));
    this.#sql.addPublished.run(entityNo, slotNo, eventAt, createdAt, value);
    const candidate: PushedValue = { value, eventAt, createdAt };
    if (isNewer(candidate, held)) state.slots.set(slotNo, candidate);
    state.windowAt = Math.max(state.windowAt, createdAt);
  }

  /** When the revision before was created, 0 when there is none; the history is asked only about windows before the newest. */
  #correctedAt(entityNo: number, slotNo: number, eventAt: number, held: PushedValue | undefined): number {
    if (held === undefined || eventAt > held.eventAt) return 0;
    return eventAt === held.eventAt ? held.createdAt : (this.#sql.publishedAt.get(entityNo, slotNo, eventAt) ?? 0);
  }

  /** @returns how many values entered */
  #enter({ viewNo, slotNo, paneMs, panes }: LogSlot, entry: LogEntry, keptFrom: number): number {
    const { entityNo, state } = this.#entity(viewNo, entry.deviceId);
    const createdAt = Math.max(entry.receivedAt, state.streamAt);
    const held = state.slots.get(slotNo);
    const window: Pane[] = Array.isArray(held) ? held : [];
    const touched = new Map<number, Pane>();
    let entered = 0;
    for (const [at, value] of entry.values.entries()) {
      const eventAt = entry.eventAt[at] ?? createdAt;
      if (eventAt < keptFrom) continue;
      entered += 1;
      const index = paneIndexAt(eventAt, paneMs);
      const before = touched.get(index) ?? this.#pane(entityNo, slotNo, index, window);
      const own = paneOf(index, value, eventAt);
      touched.set(index, before === undefined ? own : mergePanes(before, own));
    }
    if (entered === 0) return 0;
    const ascending = [...touched.values()].sort((a, b) => a.index - b.index);
    for (const pane of ascending) {
      this.#sql.addPane.run(entityNo, slotNo, pane.index, createdAt, encodePane(pane));
    }
    state.slots.set(slotNo, trimmed(withPanes(window, ascending), paneIndexAt(createdAt, paneMs), panes));
    state.streamAt = createdAt;
    return entered;
  }

  /** What the online store no longer holds is in the history: a late record finds its pane. */
  #pane(entityNo: number, slotNo: number, index: number, held: readonly Pane[]): Pane | undefined {
    const newest = held.at(-1);
    if (newest === undefined || index > newest.index) return undefined;
    const pane = held.find((each) => each.index === index);
    if (pane !== undefined) return pane;
    const state = this.#sql.newestPane.get(entityNo, slotNo, index);
    return state === undefined ? undefined : decodePane(state);
  }

  #entity(viewNo: number, entity: string): Opened {
    const key = `${viewNo}/${entity}`;
    const open = this.#open.get(key);
    if (open !== undefined) return open;
    const row = this.#sql.entity.get(viewNo, entity);
    const state = row === undefined ? emptyState() : decodeState(row.state);
    const entityNo =
      row?.entity_no ?? Number(this.#sql.addEntity.run(viewNo, entity, encodeState(state)).lastInsertRowid);
    const opened = { entityNo, state };
    this.#open.set(key, opened);
    return opened;
  }

  /**
   * Effects of what is on disk elsewhere, with the position there: a commit that a power cut takes is made again from there, so it need not
   * wait for the disk. The next one that does makes it durable too.
   */
  #followed<T>(work: () => T): T {
    this.#db.pragma('synchronous = NORMAL');
    try {
      return this.#transaction(work);
    } finally {
      this.#db.pragma('synchronous = FULL');
    }
  }

  #transaction<T>(work: () => T): T {
    this.#open.clear();
    return this.#db
      .transaction(() => {
        const result = work();
        for (const { entityNo, state } of this.#open.values()) this.#sql.setState.run(encodeState(state), entityNo);
        return result;
      })
      .immediate();
  }
}
