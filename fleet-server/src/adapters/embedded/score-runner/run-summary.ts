/** Looks a finished run over as it was stored: rows, checksum, distributions, canaries. */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { QuantileSketch } from '@shoal/models';
import type { ScoringSummary } from '@shoal/protocol';
import type { RunOrder } from '../../../ports/score-runner.ts';
import { runBlocks } from '../sqlite-scores/run-blocks.ts';
import type { ScoredRows } from '../sqlite-scores/score-block.ts';
import type { Sqlite } from '../sqlite-scores/scores-file.ts';

const BLOCKS_AT_ONCE = 16;

/** Hashes run over ids and over each column for themselves: how the rows were cut into blocks does not show. */
class ColumnLook {
  readonly name: string;
  readonly sketch = new QuantileSketch();
  readonly hash = createHash('sha256');
  nan = 0;

  constructor(name: string) {
    this.name = name;
  }

  add(values: Float32Array | Float64Array): void {
    this.hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index] as number;
      if (Number.isFinite(value)) this.sketch.add(value);
      else this.nan += 1;
    }
  }
}

export interface RunCounts {
  readonly quarantined: number;
  readonly done: number;
}

export const summarize = async (scores: Sqlite, order: RunOrder, counts: RunCounts): Promise<ScoringSummary> => {
  const looks = order.columns.map(({ name }) => new ColumnLook(name));
  const ids = createHash('sha256');
  const canaries = order.canaries.map((canary) => ({ ...canary, value: null as number | null }));
  let rows = 0;
  for (const blocks of runBlocks(scores, order, BLOCKS_AT_ONCE)) {
    for (const block of blocks) {
      rows += block.entities.length;
      ids.update(`${block.entities.join('\n')}\n`, 'latin1');
      for (const [column, look] of looks.entries()) look.add(block.columns[column] ?? new Float32Array());
      for (const canary of canaries) canary.value ??= scoreIn(block, order, canary);
    }
    await setImmediate();
  }
  const checksum = createHash('sha256').update(ids.digest());
  for (const { hash } of looks) checksum.update(hash.digest());
  return {
    expected: counts.done + counts.quarantined,
    rows,
    quarantined: counts.quarantined,
    checksum: checksum.digest('hex'),
    columns: looks.map(({ name, nan, sketch }) => ({ name, nan, distribution: sketch.serialize() })),
    canaries,
  };
};

const scoreIn = (
  { entities, columns }: ScoredRows,
  order: RunOrder,
  { entity, output }: RunOrder['canaries'][number],
): number | null => {
  const first = entities[0] ?? '';
  const last = entities.at(-1) ?? '';
  if (entity < first || entity > last) return null;
  const value = columns[order.columns.findIndex(({ name }) => name === output)]?.[entities.indexOf(entity)];
  return value !== undefined && Number.isFinite(value) ? value : null;
};
