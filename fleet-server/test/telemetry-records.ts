/** Records and batches for tests of the telemetry store and of ingest. */
import type { AnyRecord, DeviceEvent, Prediction, Reading, RecordKind } from '@shoal/protocol';
import type { IncomingBatch } from '../src/ports/telemetry-store.ts';

export const EPOCH = '0123456789abcdef0123';
export const OTHER_EPOCH = 'fedcba98765432100123';

export const reading = (
  sequence: number,
  observedAt: number,
  values: Reading['values'] = { a: sequence },
): Reading => ({
  sequence,
  observedAt,
  source: 'pump',
  values,
});

export const prediction = (sequence: number, observedAt: number, score = 0.5): Prediction => ({
  sequence,
  observedAt,
  model: { name: 'pump-anomaly', version: '1.0.0' },
  window: { startAt: observedAt - 60_000, endAt: observedAt, count: 60 },
  outputs: { score },
  source: 'edge',
});

export const event = (
  sequence: number,
  observedAt: number,
  severity: DeviceEvent['severity'] = 'info',
): DeviceEvent => ({
  sequence,
  observedAt,
  kind: 'agent.started',
  severity,
  message: 'started',
  data: { version: '0.1.0', cold: true, pid: 7, left: null },
});

export const batchOf = (
  kind: RecordKind,
  records: readonly AnyRecord[],
  part: Partial<IncomingBatch> = {},
): IncomingBatch => ({
  deviceId: 'pump-1',
  kind,
  epoch: EPOCH,
  class: 'reading',
  lane: 'live',
  receivedAt: Math.max(...records.map((record) => record.observedAt)) + 40,
  count: records.length,
  records,
  eventAt: records.map((record) => record.observedAt),
  clock: records.map(() => 'good'),
  ...part,
});
