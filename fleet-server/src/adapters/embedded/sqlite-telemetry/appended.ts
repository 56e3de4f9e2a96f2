/** What of an append was new, batch by batch. */
import type { AppendedBatch } from '../../../ports/message-bus.ts';
import type { IncomingBatch } from '../../../ports/telemetry-store.ts';

/**
 * @param fates per record in the order of the append, 0 for what was stored; absent when everything was
 */
export const appendedOf = (
  batches: readonly IncomingBatch[],
  fates: Uint8Array | undefined,
): readonly AppendedBatch[] => {
  if (fates === undefined) return batches;
  let at = 0;
  const appended: AppendedBatch[] = [];
  for (const batch of batches) {
    const own = fates.subarray(at, at + batch.count);
    at += batch.count;
    if (own.every((fate) => fate === 0)) {
      appended.push(batch);
      continue;
    }
    const isNew = (_: unknown, index: number): boolean => own[index] === 0;
    const records = batch.records.filter(isNew);
    if (records.length === 0) continue;
    const { deviceId, kind, epoch, class: priority, lane, receivedAt } = batch;
    const [eventAt, clock] = [batch.eventAt.filter(isNew), batch.clock.filter(isNew)];
    appended.push({
      deviceId,
      kind,
      epoch,
      class: priority,
      lane,
      receivedAt,
      count: records.length,
      records,
      eventAt,
      clock,
    });
  }
  return appended;
};
