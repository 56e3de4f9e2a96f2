/** Pages through everything that was ever known of one entity. */
import type { Page } from '@shoal/protocol';
import { decodeCursor, encodeCursor } from '../../../listing/cursor.ts';
import type { FeatureHistoryQuery, HistorySlot, SlotHistory } from '../../../ports/feature-store.ts';
import { decodePane } from './entity-state.ts';
import type { Sqlite } from './features-file.ts';

interface PushedRow {
  readonly event_at: number;
  readonly created_at: number;
  readonly value: number | null;
}
interface PaneRow {
  readonly event_at: number;
  readonly created_at: number;
  readonly state: Buffer;
}

interface Span {
  readonly entityNo: number;
  readonly from: number;
  readonly to: number;
  /** Rows after this key. */
  readonly after: readonly [eventAt: number, createdAt: number];
  readonly limit: number;
}

const LAST = Number.MAX_SAFE_INTEGER;

export const readSlotHistory = (db: Sqlite, query: FeatureHistoryQuery): Page<SlotHistory> => {
  const entityNo = db
    .prepare<[number, string], number>('SELECT entity_no FROM entities WHERE view_no = ? AND entity = ?')
    .pluck()
    .get(query.viewNo, query.entity) as number | undefined;
  if (entityNo === undefined) return { items: [], nextCursor: null };
  const cursor = query.cursor === undefined ? [0, -1, -1] : decodeCursor(query.cursor, ['number', 'number', 'number']);
  const [start = 0, eventAt = -1, createdAt = -1] = cursor as readonly number[];
  const items: SlotHistory[] = [];
  for (let index = start; index < query.slots.length; index += 1) {
    const slot = query.slots[index];
    if (slot === undefined) break;
    const wanted = query.limit - items.length;
    const rows = readSlot(db, slot, {
      entityNo,
      from: query.from ?? 0,
      to: query.to ?? LAST,
      after: index === start ? [eventAt, createdAt] : [-1, -1],
      limit: wanted + 1,
    });
    items.push(...rows.slice(0, wanted));
    const last = items.at(-1);
    if (rows.length > wanted) {
      const key = last?.slotNo === slot.slotNo ? [index, last.eventAt, last.createdAt] : [index, -1, -1];
      return { items, nextCursor: encodeCursor(key) };
    }
  }
  return { items, nextCursor: null };
};

const readSlot = (db: Sqlite, slot: HistorySlot, span: Span): SlotHistory[] => {
  const { entityNo, from, to, after, limit } = span;
  const { slotNo, paneMs } = slot;
  if (paneMs === undefined) {
    return db
      .prepare<number[], PushedRow>(
        `SELECT event_at, created_at, value FROM ${slot.kind === 'windows' ? 'window_values' : 'pushed'}
          WHERE entity_no = ? AND slot_no = ? AND event_at >= ? AND event_at < ? AND (event_at, created_at) > (?, ?)
          ORDER BY event_at, created_at LIMIT ?`,
      )
      .all(entityNo, slotNo, from, to, after[0], after[1], limit)
      .map((row) => ({ slotNo, eventAt: row.event_at, createdAt: row.created_at, held: row.value }));
  }
  return db
    .prepare<number[], PaneRow>(
      `SELECT pane * ? AS event_at, created_at, state FROM panes
        WHERE entity_no = ? AND slot_no = ? AND pane >= ? AND pane < ? AND (pane, created_at) > (?, ?)
        ORDER BY pane, created_at LIMIT ?`,
    )
    .all(
      paneMs,
      entityNo,
      slotNo,
      Math.ceil(from / paneMs),
      Math.ceil(to / paneMs),
      after[0] < 0 ? -1 : Math.round(after[0] / paneMs),
      after[1],
      limit,
    )
    .map((row) => ({ slotNo, eventAt: row.event_at, createdAt: row.created_at, held: decodePane(row.state) }));
};
