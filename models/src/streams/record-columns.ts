/** Records of one device and kind out of one commit of the log, as columns: what a stream reads. */
import type { ClockVerdict } from '@shoal/protocol';
import type { Lane, RecordKind, Scalar } from '@shoal/protocol/wire';

/** What a name is worth in one row; null: there is no such value. */
export type Column = (row: number) => Scalar;

export interface RecordColumns {
  readonly deviceId: string;
  readonly kind: RecordKind;
  readonly lane: Lane;
  readonly receivedAt: number;
  readonly length: number;
  readonly eventAt: ArrayLike<number>;
  readonly sequence: ArrayLike<number>;
  readonly clock: readonly ClockVerdict[];
  /** Of a named value, or with `$` of a fact about the record. */
  column(name: string): Column;
}
