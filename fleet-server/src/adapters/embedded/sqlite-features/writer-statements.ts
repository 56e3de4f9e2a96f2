/** The statements of the writer, prepared once. */
import type { Statement } from 'better-sqlite3';
import type { Sqlite } from './features-file.ts';

export interface Statements {
  readonly addView: Statement<[string]>;
  readonly viewNo: Statement<[string], number>;
  readonly addSlot: Statement<[number, string, number]>;
  readonly slot: Statement<[number, string], { slotNo: number; position: number; fill: string | null }>;
  readonly setPosition: Statement<[number, number]>;
  readonly setProgress: Statement<[number, string | null, number]>;
  readonly entity: Statement<[number, string], { entity_no: number; state: Buffer }>;
  readonly addEntity: Statement<[number, string, Buffer]>;
  readonly setState: Statement<[Buffer, number]>;
  readonly pushedAt: Statement<[number, number, number], { value: number | null }>;
  readonly addPushed: Statement<[number, number, number, number, number | null]>;
  readonly publishedAt: Statement<[number, number, number], number>;
  readonly addPublished: Statement<[number, number, number, number, number | null]>;
  readonly newestPane: Statement<[number, number, number], Buffer>;
  readonly addPane: Statement<[number, number, number, number, Buffer]>;
  readonly dropPanes: Statement<[number, number]>;
  readonly dropPublished: Statement<[number, number]>;
  readonly importOf: Statement<[string], { import_no: number; reasons: string }>;
  readonly addImport: Statement<[string, string, number]>;
  readonly addRejected: Statement<[number, number, string, string, string]>;
  readonly countImport: Statement<[Readonly<Record<string, number | string>>]>;
  readonly endImport: Statement<[string, number, string]>;
  readonly addAudit: Statement<[string, string, string]>;
  readonly dropAudits: Statement<[number]>;
  readonly dropPanesOf: Statement<[number, number]>;
  readonly dropPushedOf: Statement<[number, number]>;
  readonly dropPublishedOf: Statement<[number, number]>;
  readonly dropAuditsOf: Statement<[string, number]>;
  readonly dropEntity: Statement<[number]>;
}

export const prepareStatements = (db: Sqlite): Statements => ({
  addView: db.prepare('INSERT INTO views (name) VALUES (?) ON CONFLICT DO NOTHING'),
  viewNo: db.prepare<[string], number>('SELECT view_no FROM views WHERE name = ?').pluck() as Statement<
    [string],
    number
  >,
  addSlot: db.prepare('INSERT INTO slots (view_no, identity, position) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
  slot: db.prepare('SELECT slot_no AS slotNo, position, fill FROM slots WHERE view_no = ? AND identity = ?'),
  setPosition: db.prepare('UPDATE slots SET position = ? WHERE slot_no = ?'),
  setProgress: db.prepare('UPDATE slots SET position = ?, fill = ? WHERE slot_no = ?'),
  entity: db.prepare('SELECT entity_no, state FROM entities WHERE view_no = ? AND entity = ?'),
  addEntity: db.prepare('INSERT INTO entities (view_no, entity, state) VALUES (?, ?, ?)'),
  setState: db.prepare('UPDATE entities SET state = ? WHERE entity_no = ?'),
  pushedAt: db.prepare(
    `SELECT value FROM pushed WHERE entity_no = ? AND slot_no = ? AND event_at = ? ORDER BY created_at DESC LIMIT 1`,
  ),
  // Two values of one instant in one millisecond: the second is what was known at its end.
  addPushed: db.prepare(`INSERT INTO pushed VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`),
  publishedAt: db
    .prepare<[number, number, number], number>(
      'SELECT max(created_at) FROM window_values WHERE entity_no = ? AND slot_no = ? AND event_at = ?',
    )
    .pluck() as Statement<[number, number, number], number>,
  addPublished: db.prepare(
    `INSERT INTO window_values VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value`,
  ),
  newestPane: db
    .prepare<[number, number, number], Buffer>(
      'SELECT state FROM panes WHERE entity_no = ? AND slot_no = ? AND pane = ? ORDER BY created_at DESC LIMIT 1',
    )
    .pluck() as Statement<[number, number, number], Buffer>,
  addPane: db.prepare('INSERT INTO panes VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state'),
  dropPanes: db.prepare(
    `DELETE FROM panes WHERE rowid IN (SELECT rowid FROM panes ORDER BY rowid LIMIT ?) AND created_at < ?`,
  ),
  dropPublished: db.prepare(
    `DELETE FROM window_values WHERE rowid IN (SELECT rowid FROM window_values ORDER BY rowid LIMIT ?) AND created_at < ?`,
  ),
  importOf: db.prepare('SELECT import_no, reasons FROM imports WHERE import_id = ?'),
  addImport: db.prepare(
    `INSERT INTO imports (import_id, view, state, started_at, rows, stored, unchanged, rejected, reasons)
      VALUES (?, ?, 'running', ?, 0, 0, 0, 0, '{}') ON CONFLICT DO NOTHING`,
  ),
  addRejected: db.prepare('INSERT OR IGNORE INTO rejected_rows VALUES (?, ?, ?, ?, ?)'),
  countImport: db.prepare(
    `UPDATE imports SET rows = rows + :rows, stored = stored + :stored, unchanged = unchanged + :unchanged,
      rejected = rejected + :rejected, reasons = :reasons WHERE import_no = :importNo`,
  ),
  endImport: db.prepare('UPDATE imports SET state = ?, finished_at = ? WHERE import_id = ?'),
  addAudit: db.prepare('INSERT INTO audits (view, result, document) VALUES (?, ?, ?)'),
  dropAudits: db.prepare('DELETE FROM audits WHERE id <= (SELECT max(id) FROM audits) - ?'),
  dropPanesOf: db.prepare('DELETE FROM panes WHERE rowid IN (SELECT rowid FROM panes WHERE entity_no = ? LIMIT ?)'),
  dropPushedOf: db.prepare(
    `DELETE FROM pushed WHERE (entity_no, slot_no, event_at, created_at) IN
      (SELECT entity_no, slot_no, event_at, created_at FROM pushed WHERE entity_no = ? LIMIT ?)`,
  ),
  dropPublishedOf: db.prepare(
    'DELETE FROM window_values WHERE rowid IN (SELECT rowid FROM window_values WHERE entity_no = ? LIMIT ?)',
  ),
  dropAuditsOf: db.prepare(
    `DELETE FROM audits WHERE document ->> '$.entity' = ? AND view = (SELECT name FROM views WHERE view_no = ?)`,
  ),
  dropEntity: db.prepare('DELETE FROM entities WHERE entity_no = ?'),
});
