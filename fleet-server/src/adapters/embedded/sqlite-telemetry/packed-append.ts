/** One append on its way to the writer thread. */
import { buffersOf, packRecords, type PackedRecords } from '../../../ports/packed-records/pack-records.ts';
import { PackedBatch } from '../../../ports/packed-records/packed-batch.ts';
import type { IncomingBatch, NewDeadLetter } from '../../../ports/telemetry-store.ts';

export interface PackedAppend {
  /** In the order of the batches. */
  readonly parts: readonly PackedRecords[];
  readonly deadLetters: readonly NewDeadLetter[];
}

/**
 * Neighbours that are not packed yet share a part.
 * @returns `given`: buffers that may be given away; those of batches that were packed before are still to be read
 */
export const packAppend = (
  batches: readonly IncomingBatch[],
  deadLetters: readonly NewDeadLetter[],
): { readonly packed: PackedAppend; readonly given: readonly ArrayBuffer[] } => {
  const parts: PackedRecords[] = [];
  const given: ArrayBuffer[] = [];
  let plain: IncomingBatch[] = [];
  const packPlain = (): void => {
    if (plain.length === 0) return;
    const part = packRecords(plain);
    parts.push(part);
    given.push(...buffersOf(part));
    plain = [];
  };
  for (const batch of batches) {
    if (batch instanceof PackedBatch) {
      packPlain();
      parts.push(batch.packed);
    } else {
      plain.push(batch);
    }
  }
  packPlain();
  return { packed: { parts, deadLetters }, given };
};
