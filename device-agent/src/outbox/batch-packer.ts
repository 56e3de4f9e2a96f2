/** Packs stored records into messages: one kind, one class, one lane, ascending, within the bounds of a frame. */
import {
  encodeBatch,
  ProtocolError,
  type AnyRecord,
  type Batch,
  type ClockState,
  type Lane,
  type PriorityClass,
  type RecordKind,
} from '@shoal/protocol/wire';
import type { StoredRecord } from './outbox.port.ts';

export interface PackedBatch {
  readonly kind: RecordKind;
  readonly first: number;
  readonly last: number;
  readonly records: number;
  readonly payload: Uint8Array;
}

export interface Envelope {
  readonly epoch: string;
  readonly priority: PriorityClass;
  readonly lane: Lane;
  readonly sentAt: number;
  readonly clock: ClockState;
}

/** Neighbours of the same kind, in order. */
const runsByKind = (records: readonly StoredRecord[]): StoredRecord[][] => {
  const runs: StoredRecord[][] = [];
  for (const record of records) {
    const run = runs.at(-1);
    if (run?.[0]?.kind === record.kind) run.push(record);
    else runs.push([record]);
  }
  return runs;
};

const withSequence = ({ sequence, body }: StoredRecord): AnyRecord =>
  ({ sequence, ...(JSON.parse(body) as object) }) as AnyRecord;

const packRun = (run: readonly StoredRecord[], envelope: Envelope): PackedBatch[] => {
  const [first, last] = [run[0], run.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { epoch, priority, lane, sentAt, clock } = envelope;
  const batch: Batch = { v: 1, epoch, class: priority, lane, sentAt, clock, records: run.map(withSequence) };
  try {
    const payload = encodeBatch(batch);
    return [{ kind: first.kind, first: first.sequence, last: last.sequence, records: run.length, payload }];
  } catch (error) {
    if (!(error instanceof ProtocolError && error.code === 'PAYLOAD_TOO_LARGE') || run.length === 1) throw error;
    const middle = Math.ceil(run.length / 2);
    return [...packRun(run.slice(0, middle), envelope), ...packRun(run.slice(middle), envelope)];
  }
};

/** Messages in the order of the records. */
export const packBatches = (records: readonly StoredRecord[], envelope: Envelope): PackedBatch[] =>
  runsByKind(records).flatMap((run) => packRun(run, envelope));
