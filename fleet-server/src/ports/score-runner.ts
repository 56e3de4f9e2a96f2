/** What reads entities, runs the model over them and hands the scores to the store: heavy, and off every event loop of the server. */
import type { EntityView, ScoringSummary } from '@shoal/protocol';
import type { AsOfSlot } from './feature-store.ts';
import type { ScoreColumn } from './score-store.ts';

/** Where each element of the vector comes from. Plain data. */
export interface VectorLayout {
  readonly names: readonly string[];
  readonly views: readonly {
    readonly viewNo: number;
    readonly view: EntityView;
    readonly slotNos: readonly number[];
    readonly asOfSlots: readonly AsOfSlot[];
  }[];
  readonly picks: readonly { readonly of: number; readonly index: number }[];
}

export type EntityOrigin =
  /** Every entity of which the view knew anything. */
  | { readonly kind: 'view'; readonly viewNo: number }
  /** What was listed with the submission. */
  | { readonly kind: 'listed' }
  | { readonly kind: 'file'; readonly path: string; readonly format: 'csv' | 'ndjson' | 'parquet' };

export interface RunOrder {
  readonly runNo: number;
  /** Its entities are listed and cut into partitions already. */
  readonly isPlanned: boolean;
  readonly origin: EntityOrigin;
  readonly asOf: number;
  readonly layout: VectorLayout;
  readonly bundleFolder: string;
  readonly modelDigest: string;
  /** What names the input: a file that is another one by now is refused. */
  readonly input: string;
  readonly columns: readonly ScoreColumn[];
  /** Whether rows are marked with their vectors, so that a later run can carry them over. */
  readonly isIncremental: boolean;
  /** Number of the run whose rows are carried over where the vector is the same; of the same model and the same columns. */
  readonly baseNo: number | null;
  readonly chunkRows: number;
  readonly retries: number;
  readonly maxQuarantinedPct: number;
  readonly canaries: readonly { readonly entity: string; readonly output: string }[];
}

export type RunEnd =
  | { readonly kind: 'complete'; readonly summary: ScoringSummary }
  /** Paused or canceled, or the runner was told to stop: what is committed stays. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

export abstract class ScoreRunner {
  /** One at a time. @throws FleetError SCORING_RUNNER_LOST when it came to no end of its own; the run can be taken up again */
  abstract run(order: RunOrder): Promise<RunEnd>;
  /** What runs ends after the chunk under way, as stopped. */
  abstract stop(): Promise<void>;
  /** How many entities there are now, read as a run would read them. */
  abstract count(origin: Exclude<EntityOrigin, { kind: 'listed' }>): Promise<number>;
}
