/** The records of a committed batch as the API shows them. */
import type { AppendedBatch } from '../ports/message-bus.ts';
import type { StoredOf } from '../ports/telemetry-store.ts';

export const storedRecords = (batch: AppendedBatch): StoredOf[keyof StoredOf][] =>
  batch.records.map((record, index) => ({
    deviceId: batch.deviceId,
    epoch: batch.epoch,
    receivedAt: batch.receivedAt,
    eventAt: batch.eventAt[index] ?? batch.receivedAt,
    clock: batch.clock[index] ?? 'bad',
    ...record,
  }));
