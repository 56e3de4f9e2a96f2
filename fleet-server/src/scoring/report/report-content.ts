/** What the report of a run says, before it is a page. */
import type { ScoringRun } from '@shoal/protocol';

/** One entity and what a column was and is. */
export interface ChangedScore {
  readonly entity: string;
  readonly before: number;
  readonly now: number;
}

export interface PartitionReport {
  readonly partNo: number;
  readonly rows: number;
  readonly quarantined: number;
  readonly chunks: number;
  /** Times somebody took it up; more than one after a kill, a pause or a failure. */
  readonly attempts: number;
  /** From the first commit to the last, milliseconds; null when it has none. */
  readonly spanMs: number | null;
}

export interface QuarantineReason {
  readonly reason: string;
  readonly rows: number;
  /** The first entity it happened to, and why. */
  readonly entity: string;
  readonly detail: string;
}

/** Values that stand for a distribution, each for the same share of it, ascending. */
export type Samples = readonly number[];

export interface ColumnReport {
  readonly name: string;
  readonly now: Samples;
  /** Of the run before; empty when there is none. */
  readonly before: Samples;
  /** Population stability index against the run before. */
  readonly shift: number | undefined;
  /** Greatest difference first. */
  readonly changed: readonly ChangedScore[];
}

export interface FeatureReport {
  readonly name: string;
  readonly now: Samples;
  /** Of the training rows of the model. */
  readonly reference: Samples;
  readonly shift: number;
  /** Of the sampled entities: share without a value. */
  readonly missingShare: number;
}

/** One device that has an edge prediction by the as-of instant. */
export interface EdgeScore {
  readonly entity: string;
  /** Of the device's own model, and above its own threshold or not. */
  readonly edge: number;
  readonly alarmed: boolean;
  readonly batch: number;
}

export interface EdgeReport {
  readonly column: string;
  readonly scores: readonly EdgeScore[];
  /** Spearman's; undefined with too few devices, or when one side says the same of all. */
  readonly agreement: number | undefined;
  /** Furthest apart in rank first, the sign of the agreement taken into account. */
  readonly disagreeing: readonly EdgeScore[];
}

export interface RunReport {
  readonly run: ScoringRun;
  /** The run that was published before; undefined for the first. */
  readonly before: ScoringRun | undefined;
  readonly columns: readonly ColumnReport[];
  /** Of a sample of the entities; greatest shift first. */
  readonly features: readonly FeatureReport[];
  readonly sampled: number;
  readonly edge: readonly EdgeReport[];
  readonly reasons: readonly QuarantineReason[];
  readonly partitions: readonly PartitionReport[];
}
