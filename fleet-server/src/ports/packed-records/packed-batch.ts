/** A batch that another thread has decoded and packed. Its records are made of that when somebody asks for them, which hardly anybody does. */
import { RECORD_KINDS } from '@shoal/protocol/vocabulary';
import type { AnyRecord, ClockVerdict, Lane, PriorityClass, RecordKind } from '@shoal/protocol';
import type { IncomingBatch } from '../telemetry-store.ts';
import { CLOCKS, type PackedRecords } from './pack-records.ts';
import { PackedCursor } from './packed-cursor.ts';
import { parseShape, readRecord } from './record-body.ts';

export type BatchHead = Omit<IncomingBatch, 'records' | 'eventAt' | 'clock'>;

interface Unpacked {
  readonly records: readonly AnyRecord[];
  readonly eventAt: readonly number[];
  readonly clock: readonly ClockVerdict[];
}

export class PackedBatch implements IncomingBatch {
  readonly deviceId: string;
  readonly kind: RecordKind;
  readonly epoch: string;
  readonly class: PriorityClass;
  readonly lane: Lane;
  readonly receivedAt: number;
  readonly count: number;
  /** Of this batch alone. */
  readonly packed: PackedRecords;
  #unpacked: Unpacked | undefined;

  constructor(head: BatchHead, packed: PackedRecords) {
    this.deviceId = head.deviceId;
    this.kind = head.kind;
    this.epoch = head.epoch;
    this.class = head.class;
    this.lane = head.lane;
    this.receivedAt = head.receivedAt;
    this.count = head.count;
    this.packed = packed;
  }

  get records(): readonly AnyRecord[] {
    return (this.#unpacked ??= unpack(this.packed)).records;
  }

  get eventAt(): readonly number[] {
    return (this.#unpacked ??= unpack(this.packed)).eventAt;
  }

  /** Does not make the records. */
  get clock(): readonly ClockVerdict[] {
    if (this.#unpacked !== undefined) return this.#unpacked.clock;
    const clock: ClockVerdict[] = [];
    eachRecord(this.packed, (cursor) => clock.push(verdictOf(cursor)));
    return clock;
  }
}

const verdictOf = ({ clock }: PackedCursor): ClockVerdict => CLOCKS[clock] ?? 'bad';

const unpack = (packed: PackedRecords): Unpacked => {
  const [records, eventAt, clock]: [AnyRecord[], number[], ClockVerdict[]] = [[], [], []];
  eachRecord(packed, (cursor) => {
    const { sequence, observedAt, body } = cursor;
    const shape = cursor.shape === null ? undefined : parseShape(cursor.shape);
    records.push(readRecord(RECORD_KINDS[cursor.kind] ?? 'readings', { sequence, observedAt, shape, body }));
    eventAt.push(cursor.eventAt);
    clock.push(verdictOf(cursor));
  });
  return { records, eventAt, clock };
};

const eachRecord = (packed: PackedRecords, see: (cursor: PackedCursor) => void): void => {
  const cursor = new PackedCursor([packed]);
  while (cursor.nextBatch()) while (cursor.nextRecord()) see(cursor);
};
