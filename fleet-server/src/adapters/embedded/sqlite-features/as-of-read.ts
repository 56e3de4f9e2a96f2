/** What was known of an entity at an instant: only rows with event time and created time up to then. */
import type { Pane, PushedValue } from '@shoal/models';
import { paneIndexAt } from '@shoal/models/panes';
import { BOUNDS } from '@shoal/protocol/vocabulary';
import type { AsOfQuery, AsOfSlot, StoredEntity } from '../../../ports/feature-store.ts';
import { decodePane } from './entity-state.ts';
import type { Sqlite } from './features-file.ts';

interface PaneRow {
  readonly pane: number;
  readonly state: Buffer;
}

/** A read transaction of its own: all slots are of one moment. */
export const readAsOf = (db: Sqlite, query: AsOfQuery): StoredEntity =>
  db.transaction(() => {
    const entityNo = db
      .prepare<[number, string], number>('SELECT entity_no FROM entities WHERE view_no = ? AND entity = ?')
      .pluck()
      .get(query.viewNo, query.entity) as number | undefined;
    const slots = new Map<number, PushedValue | readonly Pane[]>();
    if (entityNo !== undefined) {
      for (const slot of query.slots) {
        const held = readSlot(db, entityNo, slot, query);
        if (held !== undefined) slots.set(slot.slotNo, held);
      }
    }
    return { ...query.known, slots };
  })();

const readSlot = (
  db: Sqlite,
  entityNo: number,
  slot: AsOfSlot,
  query: AsOfQuery,
): PushedValue | readonly Pane[] | undefined => {
  if (slot.kind === 'pushed') return readPushed(db, entityNo, slot, query);
  return slot.kind === 'windows' ? readPublished(db, entityNo, slot, query) : readWindow(db, entityNo, slot, query);
};

/** What was published by then had happened by then, also where the clock of the device is ahead, as far as ingest allows it. */
const readPublished = (db: Sqlite, entityNo: number, { slotNo }: AsOfSlot, query: AsOfQuery): PushedValue | undefined =>
  db
    .prepare<number[], PushedValue>(
      `SELECT value, event_at AS eventAt, created_at AS createdAt FROM window_values
        WHERE entity_no = ? AND slot_no = ? AND event_at <= ? AND created_at <= ?
        ORDER BY event_at DESC, created_at DESC LIMIT 1`,
    )
    .get(entityNo, slotNo, query.at + BOUNDS.clockFutureMs, Math.min(query.at, query.known.windowAt));

const readPushed = (db: Sqlite, entityNo: number, { slotNo }: AsOfSlot, query: AsOfQuery): PushedValue | undefined =>
  db
    .prepare<number[], PushedValue>(
      `SELECT value, event_at AS eventAt, created_at AS createdAt FROM pushed
        WHERE entity_no = ? AND slot_no = ? AND event_at <= ? AND created_at <= ?
        ORDER BY event_at DESC, created_at DESC LIMIT 1`,
    )
    .get(entityNo, slotNo, query.at, query.known.pushedAt);

/** The window that ends at `at`; when it is empty, the one that ended with the last pane before. */
const readWindow = (db: Sqlite, entityNo: number, slot: AsOfSlot, query: AsOfQuery): Pane[] | undefined => {
  const { slotNo, window } = slot;
  if (window === undefined) return undefined;
  const last = db
    .prepare<number[], number | null>(
      `SELECT max(pane) FROM panes WHERE entity_no = ? AND slot_no = ? AND pane <= ? AND created_at <= ?`,
    )
    .pluck()
    .get(entityNo, slotNo, paneIndexAt(query.at, window.paneMs), query.known.streamAt) as number | null;
  if (last === null) return undefined;
  return db
    .prepare<number[], PaneRow>(
      `SELECT pane, state, max(created_at) FROM panes
        WHERE entity_no = ? AND slot_no = ? AND pane BETWEEN ? AND ? AND created_at <= ? GROUP BY pane ORDER BY pane`,
    )
    .all(entityNo, slotNo, last - window.panes + 1, last, query.known.streamAt)
    .map(({ state }) => decodePane(state));
};
