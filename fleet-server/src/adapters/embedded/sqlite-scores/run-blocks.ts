/** All blocks of one run in the order of the entities, a few at a time: for exports, and for looking a finished run over. */
import { decodeBlock, type ScoredRows } from './score-block.ts';
import type { BlockRow } from './score-reads.ts';
import type { PublishedRun } from '../../../ports/score-store.ts';
import type { Sqlite } from './scores-file.ts';

/** @yields some blocks; each step is one read, so no transaction stays open that would keep the log from being taken over */
export function* runBlocks(
  db: Sqlite,
  { runNo, columns }: Pick<PublishedRun, 'runNo' | 'columns'>,
  blocksAtOnce: number,
): Generator<ScoredRows[]> {
  const next = db.prepare<[number, string, number], BlockRow>(
    'SELECT first, block_rows, data FROM blocks WHERE run_no = ? AND first > ? ORDER BY first LIMIT ?',
  );
  let after = '';
  for (;;) {
    const rows = next.all(runNo, after, blocksAtOnce);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.first;
    yield rows.map(({ data, block_rows: count }) => decodeBlock(data, count, columns));
  }
}
