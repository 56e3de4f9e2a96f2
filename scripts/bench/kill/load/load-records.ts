/** What a load device says: every record follows from its device, epoch and sequence, so that truth needs no storage. */
import { createHash } from 'node:crypto';
import {
  encodeBatch,
  type AnyRecord,
  type Batch,
  type Lane,
  type PriorityClass,
  type RecordKind,
} from '@shoal/protocol';

export interface LoadIdentity {
  readonly index: number;
  readonly epoch: string;
  /** Milliseconds; the first record was observed then, each later one a millisecond after the one before. */
  readonly bornAt: number;
}

export const RECORDS_PER_MESSAGE = 4;

export const loadDeviceId = (index: number): string => `load-${String(index).padStart(3, '0')}`;

/** The epoch of one load device: 20 hex digits from the seed. */
export const loadEpoch = (seed: string, index: number): string =>
  createHash('sha256').update(`${seed}/${index}`).digest('hex').slice(0, 20);

/** Messages are numbered from 1 and hold consecutive sequences. */
export const sequencesOf = (message: number): number[] =>
  Array.from({ length: RECORDS_PER_MESSAGE }, (_, index) => (message - 1) * RECORDS_PER_MESSAGE + index + 1);

const messageOf = (sequence: number): number => Math.ceil(sequence / RECORDS_PER_MESSAGE);

/** Of eight messages one holds events, two predictions, five readings. */
export const kindOf = (sequence: number): RecordKind => {
  const phase = messageOf(sequence) % 8;
  return phase === 0 ? 'events' : phase <= 2 ? 'predictions' : 'readings';
};

const CLASS_OF: Readonly<Record<RecordKind, PriorityClass>> = {
  events: 'alarm',
  predictions: 'prediction',
  readings: 'reading',
};

/** Spreads bits, so that neighbouring records differ everywhere. In [0, 1), exact in a double. */
const scatter = (index: number, sequence: number): number =>
  (Math.imul(sequence ^ Math.imul(index + 1, 0x9e3779b9), 0x85ebca6b) >>> 0) / 4_294_967_296;

export const recordOf = ({ index, bornAt }: LoadIdentity, sequence: number): AnyRecord => {
  const observedAt = bornAt + sequence;
  const value = scatter(index, sequence);
  switch (kindOf(sequence)) {
    case 'readings':
      return { sequence, observedAt, source: 'load', values: { Pressure: value, Current: sequence, Gap: null } };
    case 'predictions':
      return {
        sequence,
        observedAt,
        model: { name: 'load', version: '1.0.0' },
        window: { startAt: observedAt - 60, endAt: observedAt, count: 60 },
        outputs: { score: value },
        source: 'edge',
      };
    case 'events':
      return {
        sequence,
        observedAt,
        kind: 'prediction.alarm',
        severity: 'alarm',
        message: `record ${sequence} of ${loadDeviceId(index)}`,
        data: { value },
      };
  }
};

/** The bytes of one message. A repetition differs in its lane alone. */
export const payloadOf = (identity: LoadIdentity, message: number, lane: Lane): Uint8Array => {
  const sequences = sequencesOf(message);
  const kind = kindOf(sequences[0] ?? 1);
  const batch: Batch = {
    v: 1,
    epoch: identity.epoch,
    class: CLASS_OF[kind],
    lane,
    sentAt: identity.bornAt,
    clock: { state: 'synchronised', offsetMs: 0 },
    records: sequences.map((sequence) => recordOf(identity, sequence)),
  };
  return encodeBatch(batch);
};
