/** One publish of records as the store wants it: a batch placed in time, or a dead letter that says why it is none. */
import { ProtocolError, type Batch, type RecordKind } from '@shoal/protocol';
import type { RefusedMessage, UpMessage } from '../ports/device-gateway.ts';
import type { IncomingBatch, NewDeadLetter } from '../ports/telemetry-store.ts';
import { placeInTime } from './event-time.ts';

const kindOf = (message: UpMessage): RecordKind => {
  if (message.topic.what === 'records') return message.topic.kind;
  throw new TypeError(`"${message.topicName}" carries no records`);
};

/** What is known of a message beside what it says. */
export interface Received {
  readonly kind: RecordKind;
  readonly deviceId: string;
  readonly receivedAt: number;
}

export const receivedOf = (message: UpMessage): Received => {
  const { deviceId, receivedAt } = message;
  return { kind: kindOf(message), deviceId, receivedAt };
};

export const placeBatch = ({ kind, deviceId, receivedAt }: Received, batch: Batch): IncomingBatch => {
  const eventAt: number[] = [];
  const clock: IncomingBatch['clock'][number][] = [];
  for (const record of batch.records) {
    const placement = placeInTime(record.observedAt, batch.clock, receivedAt);
    eventAt.push(placement.eventAt);
    clock.push(placement.clock);
  }
  return {
    deviceId,
    kind,
    epoch: batch.epoch,
    class: batch.class,
    lane: batch.lane,
    receivedAt,
    count: batch.records.length,
    records: batch.records,
    eventAt,
    clock,
  };
};

/** Anything but a fault of the payload is a fault of ours and is thrown on: the device must not be told that all is well. */
export const letterOf = (message: UpMessage, error: unknown): NewDeadLetter => {
  if (!(error instanceof ProtocolError)) throw error;
  return letter(message, error.code, error.message);
};

export const letterOfRefused = (message: RefusedMessage): NewDeadLetter =>
  letter(message, message.reason, message.detail);

const letter = (message: UpMessage | RefusedMessage, reason: string, detail: string): NewDeadLetter => ({
  deviceId: message.deviceId,
  topic: message.topicName,
  receivedAt: message.receivedAt,
  reason,
  detail,
  payload: message.payload,
});
