/** Reads an agent's outbox file as a kill left it: what it had accepted, and what still waits. */
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { integrityFaults, openForCheck } from '../database/open-for-check.ts';

interface WaitingRecord {
  readonly sequence: number;
  /** JSON without the sequence. */
  readonly body: string;
}

export interface OutboxCopy {
  readonly epoch: string;
  /** Everything up to here had been committed: it waits here, or the server has acknowledged it. */
  readonly acceptedThrough: number;
  readonly waiting: readonly WaitingRecord[];
  /** Records that the outbox itself gave up, over all reasons. */
  readonly dropped: number;
  /** What SQLite finds wrong. */
  readonly faults: readonly string[];
}

const isTableThere = 'SELECT count(*) FROM sqlite_schema WHERE name = ?';

const ROWS = 'SELECT sequence, template, body FROM records ORDER BY sequence';

interface StoredRow {
  readonly sequence: number;
  /** 0: the body is text. */
  readonly template: number;
  readonly body: string | Buffer;
}

/** Read from the format as it is documented, not by the agent's own code. */
const withPlainBody = (row: StoredRow, templates: ReadonlyMap<number, Buffer>): WaitingRecord => {
  const { sequence, template, body } = row;
  if (typeof body === 'string') return { sequence, body };
  return { sequence, body: inflateRawSync(body, { dictionary: templates.get(template) }).toString('utf8') };
};

/** Undefined when the outbox was never made. Only for copies. Throws when SQLite cannot read it. */
export const readOutboxCopy = (folder: string): OutboxCopy | undefined => {
  const db = openForCheck(join(folder, 'outbox.db'));
  if (db === undefined) return undefined;
  try {
    if (db.prepare(isTableThere).pluck().get('meta') === 0) return undefined;
    const meta = new Map(db.prepare<[], [string, string]>('SELECT name, value FROM meta').raw().all());
    const templates = new Map(
      db.prepare<[], [number, Buffer]>('SELECT id, CAST(body AS BLOB) FROM templates').raw().all(),
    );
    const waiting = db
      .prepare<[], StoredRow>(ROWS)
      .all()
      .map((row) => withPlainBody(row, templates));
    const dropped = db.prepare<[], number | null>('SELECT sum(records) FROM dropped').pluck().get() ?? 0;
    return {
      epoch: meta.get('epoch') ?? '',
      acceptedThrough: Math.max(Number(meta.get('highest_removed') ?? 0), waiting.at(-1)?.sequence ?? 0),
      waiting,
      dropped,
      faults: integrityFaults(db),
    };
  } finally {
    db.close();
  }
};
