/** Entities of which eight values are known, straight into the file of a server that rests: what an import of them would leave. */
import { join } from 'node:path';
import { entityViewSchema } from '@shoal/protocol';
import Database from 'better-sqlite3';
import { seeded } from '../load/pump-records.ts';

export const WIDTH = 8;
const NAMES = Array.from({ length: WIDTH }, (_, index) => `f${index}`);
const YEAR_MS = 366 * 86_400_000;

export const VIEW = entityViewSchema.parse({
  name: 'bench-customer',
  entity: 'customer',
  maxAgeMs: YEAR_MS,
  features: NAMES.map((name) => ({ name, source: { kind: 'pushed' } })),
});

export const entityOf = (index: number): string => `c-${index.toString(36).padStart(6, '0')}`;

/** As the server keeps the state of an entity: a head, then for each slot number, kind, presence, value and two times. */
const HEAD = 3;
const SLOT_NUMBERS = 6;
const FORMAT = 1;
const PUSHED = -1;
/** Where the value of feature `index` lies in the numbers of a state. */
export const valueAt = (index: number): number => HEAD + index * SLOT_NUMBERS + 3;

export interface FilledView {
  readonly file: string;
  readonly viewNo: number;
}

/** The view is defined; `night` decides the values. Replaces what was there. */
export const fillEntities = (dataDir: string, count: number, night: number): FilledView => {
  const file = join(dataDir, 'features.db');
  const db = new Database(file);
  const viewNo = db.prepare('SELECT view_no FROM views WHERE name = ?').pluck().get(VIEW.name) as number;
  const slots = db
    .prepare('SELECT slot_no FROM slots WHERE view_no = ? ORDER BY slot_no')
    .pluck()
    .all(viewNo) as number[];
  const insert = db.prepare(
    'INSERT INTO entities (view_no, entity, state) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state',
  );
  const random = seeded(night);
  const now = Date.now();
  const numbers = new Float64Array(HEAD + WIDTH * SLOT_NUMBERS);
  numbers.set([FORMAT, now, 0]);
  db.transaction(() => {
    for (let index = 0; index < count; index += 1) {
      for (const [feature, slotNo] of slots.entries())
        numbers.set([slotNo, PUSHED, 1, random() * 2 - 1, now, now], HEAD + feature * SLOT_NUMBERS);
      insert.run(viewNo, entityOf(index), Buffer.from(numbers.buffer.slice(0)));
    }
  })();
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
  return { file, viewNo };
};
