/** What the report of a run says, before it is a page. */
import type { ScoringRun } from '@shoal/protocol';
import type { PartitionDigest, QuarantineDigest, ScoreChange } from '../../ports/run-digest.ts';

/** Values that stand for a distribution, each for the same share of it, ascending. */
export type Samples = readonly number[];

export interface ColumnReport {
  readonly name: string;
  readonly now: Samples;
  /** Of the run before; empty when there is none. */
  readonly before: Samples;
  /** Population stability index against the run before; undefined where that is chance. */
  readonly shift: number | undefined;
  /** Greatest difference first. */
  readonly changed: readonly ScoreChange[];
}

export interface FeatureReport {
  readonly name: string;
  readonly now: Samples;
  /** Of the training rows of the model. */
  readonly reference: Samples;
  /** Undefined: too few values to tell. */
  readonly shift: number | undefined;
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
  readonly reasons: readonly QuarantineDigest[];
  readonly partitions: readonly PartitionDigest[];
}
