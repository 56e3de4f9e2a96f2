/** How lists of telemetry look as CSV: stable columns, whatever channels a device has. */
import {
  deadLetterSchema,
  storedEventSchema,
  storedPredictionSchema,
  storedReadingSchema,
  type DeadLetter,
  type StoredEvent,
  type StoredPrediction,
  type StoredReading,
} from '@shoal/protocol';
import type { Column } from '../listing/csv.ts';
import type { Listing } from '../listing/list-answer.ts';

type AnyStored = StoredReading | StoredPrediction | StoredEvent;

const KEY_COLUMNS: readonly Column<AnyStored>[] = [
  { name: 'deviceId', value: (record) => record.deviceId },
  { name: 'epoch', value: (record) => record.epoch },
  { name: 'sequence', value: (record) => record.sequence },
  { name: 'eventAt', value: (record) => record.eventAt },
  { name: 'observedAt', value: (record) => record.observedAt },
  { name: 'receivedAt', value: (record) => record.receivedAt },
  { name: 'clock', value: (record) => record.clock },
];

const json = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value));

export const READINGS: Listing<StoredReading> = {
  name: 'readings',
  item: storedReadingSchema,
  columns: [
    ...KEY_COLUMNS,
    { name: 'source', value: (reading) => reading.source },
    { name: 'values', value: (reading) => json(reading.values) },
    { name: 'marks', value: (reading) => json(reading.marks) },
  ],
};

export const PREDICTIONS: Listing<StoredPrediction> = {
  name: 'predictions',
  item: storedPredictionSchema,
  columns: [
    ...KEY_COLUMNS,
    { name: 'model', value: (prediction) => prediction.model.name },
    { name: 'modelVersion', value: (prediction) => prediction.model.version },
    { name: 'modelDigest', value: (prediction) => prediction.model.digest },
    { name: 'windowStartAt', value: (prediction) => prediction.window.startAt },
    { name: 'windowEndAt', value: (prediction) => prediction.window.endAt },
    { name: 'windowCount', value: (prediction) => prediction.window.count },
    { name: 'outputs', value: (prediction) => json(prediction.outputs) },
    { name: 'label', value: (prediction) => prediction.label },
    { name: 'confidence', value: (prediction) => prediction.confidence },
    { name: 'threshold', value: (prediction) => prediction.threshold },
    { name: 'source', value: (prediction) => prediction.source },
    { name: 'engine', value: (prediction) => prediction.engine },
    { name: 'latencyMs', value: (prediction) => prediction.latencyMs },
    { name: 'degradedReason', value: (prediction) => prediction.degradedReason },
  ],
};

export const EVENTS: Listing<StoredEvent> = {
  name: 'events',
  item: storedEventSchema,
  columns: [
    ...KEY_COLUMNS,
    { name: 'kind', value: (event) => event.kind },
    { name: 'severity', value: (event) => event.severity },
    { name: 'message', value: (event) => event.message },
    { name: 'data', value: (event) => json(event.data) },
  ],
};

export const DEAD_LETTERS: Listing<DeadLetter> = {
  name: 'dead-letters',
  item: deadLetterSchema,
  columns: [
    { name: 'id', value: (letter) => letter.id },
    { name: 'deviceId', value: (letter) => letter.deviceId },
    { name: 'topic', value: (letter) => letter.topic },
    { name: 'receivedAt', value: (letter) => letter.receivedAt },
    { name: 'reason', value: (letter) => letter.reason },
    { name: 'detail', value: (letter) => letter.detail },
    { name: 'sizeBytes', value: (letter) => letter.sizeBytes },
    { name: 'sample', value: (letter) => letter.sample },
  ],
};
