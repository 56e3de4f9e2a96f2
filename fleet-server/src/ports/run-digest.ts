/** What a report needs of the rows of a run: its partitions, why rows were set aside, what changed most, and a sample. Plain data. */

export interface PartitionDigest {
  readonly partNo: number;
  readonly rows: number;
  readonly quarantined: number;
  readonly chunks: number;
  /** Times somebody took it up. */
  readonly attempts: number;
  /** From its first commit to its last, milliseconds; null without the chunks, which go when a run is old. */
  readonly spanMs: number | null;
}

export interface QuarantineDigest {
  readonly reason: string;
  readonly rows: number;
  /** The first it happened to, and why. */
  readonly entity: string;
  readonly detail: string;
}

export interface ScoreChange {
  readonly entity: string;
  readonly before: number;
  readonly now: number;
}

export interface SampledScore {
  readonly entity: string;
  /** In the order of the run's columns. */
  readonly scores: readonly (number | null)[];
}

export interface RunDigest {
  readonly partitions: readonly PartitionDigest[];
  /** Most rows first. */
  readonly reasons: readonly QuarantineDigest[];
  /** Per column of the run: greatest difference to the other run first; empty when that has no such column. */
  readonly changed: readonly (readonly ScoreChange[])[];
  /** Evenly over the entities. */
  readonly sample: readonly SampledScore[];
}

export interface DigestQuery {
  readonly job: string;
  readonly runId: string;
  /** Another run of the job that it is held against. */
  readonly against: string | undefined;
}
