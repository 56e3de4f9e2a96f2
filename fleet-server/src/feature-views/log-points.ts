/** What a commit of the telemetry log says to the windows of features. */
import { paneMsOf } from '@shoal/models';
import type { AnyRecord, StreamSource } from '@shoal/protocol';
import type { StreamPoints } from '../ports/feature-store.ts';
import type { AppendedBatch } from '../ports/message-bus.ts';
import type { StreamSlot } from './compiled-view.ts';

/** Undefined: this record says nothing to this window. */
const valueOf = (source: StreamSource, record: AnyRecord): number | undefined => {
  if (source.kind === 'readings') return 'values' in record ? (record.values[source.channel] ?? undefined) : undefined;
  if (!('outputs' in record)) return undefined;
  const isOfModel = source.model === undefined || record.model.name === source.model;
  return isOfModel ? record.outputs[source.output] : undefined;
};

/** One entry per slot that the batch has a value for. Known to the server since the batch was received. */
export const pointsOf = (batch: AppendedBatch, slots: readonly StreamSlot[]): StreamPoints[] => {
  const points: StreamPoints[] = [];
  for (const { viewNo, slotNo, source } of slots) {
    if (source.kind !== batch.kind) continue;
    const [eventAt, values]: [number[], number[]] = [[], []];
    for (const [index, record] of batch.records.entries()) {
      const value = valueOf(source, record);
      if (value === undefined || !Number.isFinite(value)) continue;
      eventAt.push(batch.eventAt[index] ?? batch.receivedAt);
      values.push(value);
    }
    if (values.length === 0) continue;
    const { deviceId: entity, receivedAt: createdAt } = batch;
    points.push({ viewNo, slotNo, entity, paneMs: paneMsOf(source), panes: source.panes, createdAt, eventAt, values });
  }
  return points;
};
