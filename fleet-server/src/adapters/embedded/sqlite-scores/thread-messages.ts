/** What the store of scores, its two threads and the thread of the runner say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { Page, QuarantinedRow } from '@shoal/protocol';
import type {
  BulkScores,
  EntityScore,
  ExportFormat,
  NewRun,
  PointerMove,
  PublishedRun,
  RunChange,
  RunNote,
  RunQuery,
  StoredRun,
} from '../../../ports/score-store.ts';
import type {
  BackfillChange,
  BackfillDay,
  BackfillEnd,
  BackfillQuery,
  NewBackfill,
  StoredBackfill,
} from '../../../ports/backfills.ts';
import type { DigestQuery, RunDigest } from '../../../ports/run-digest.ts';
import type { EncodedBlock } from './score-block.ts';

export interface ThreadData {
  readonly file: string;
}

/** Entities after `from`, up to and with `to`; null is without end. */
export interface PartitionRange {
  readonly from: string;
  readonly to: string | null;
}

export interface LeasedPartition extends PartitionRange {
  readonly partNo: number;
  readonly fence: number;
  /** Attempts that failed before. */
  readonly failures: number;
}

export interface CommittedChunk {
  readonly runNo: number;
  readonly partNo: number;
  readonly fence: number;
  /** The last entity that was read. */
  readonly last: string;
  readonly isLast: boolean;
  readonly rows: number;
  /** Of these the ones that were carried over. */
  readonly carried: number;
  /** Read, and nothing was known of them at the as-of instant. */
  readonly skipped: number;
  readonly blocks: readonly EncodedBlock[];
  readonly quarantined: readonly QuarantinedRow[];
  readonly now: number;
}

/** An entity of a file or a list, with what the file says of it. */
export interface InputRow {
  readonly entity: string;
  /** Float64 numbers parallel to the features; NaN where the file says nothing. */
  readonly own: Uint8Array | null;
}

/** What the runner asks of the thread that writes. `gone`: the run does not run any more, or somebody else has the lease. */
export interface RunnerJobs {
  /** Starts the list of a file anew. */
  clearInputs: { ask: { runNo: number }; answer: null };
  /** @returns entities that were listed before */
  stage: { ask: { runNo: number; rows: readonly InputRow[] }; answer: string[] };
  plan: {
    ask: {
      runNo: number;
      /** Of the run whose rows are carried over. */
      baseNo: number | null;
      expected: number;
      ranges: readonly PartitionRange[];
      quarantined: readonly QuarantinedRow[];
    };
    answer: null;
  };
  lease: { ask: { runNo: number; now: number }; answer: LeasedPartition | 'done' | 'busy' | 'gone' };
  commit: { ask: CommittedChunk; answer: { quarantined: number; done: number; expected: number } | 'gone' };
  /** The attempt failed: the partition is free again. */
  release: { ask: { runNo: number; partNo: number; fence: number }; answer: null };
}

/** Per job: what is asked and what is answered. */
export interface WriterJobs {
  submit: { ask: NewRun; answer: StoredRun };
  takeUp: { ask: { now: number }; answer: StoredRun | null };
  note: { ask: RunNote; answer: RunChange | null };
  publish: { ask: { runId: string; now: number; pointer: PointerMove }; answer: RunChange | null };
  submitBackfill: { ask: NewBackfill; answer: StoredBackfill };
  nextBackfillDay: { ask: { now: number }; answer: BackfillDay | null };
  endBackfill: { ask: BackfillEnd; answer: BackfillChange | null };
  trim: { ask: null; answer: boolean };
  dropJob: { ask: { job: string }; answer: null };
  /** Runs of a process that is gone; the first job of every writer. */
  takeBack: { ask: null; answer: number };
  connect: { ask: { port: MessagePort }; answer: null };
  close: { ask: null; answer: null };
}

export interface ReaderJobs {
  find: { ask: { runId: string }; answer: StoredRun | null };
  list: { ask: RunQuery; answer: Page<StoredRun> };
  findBackfill: { ask: { backfillId: string }; answer: StoredBackfill | null };
  listBackfills: { ask: BackfillQuery; answer: Page<StoredBackfill> };
  previous: { ask: { job: string }; answer: StoredRun | null };
  lastComplete: { ask: { job: string }; answer: StoredRun | null };
  scores: { ask: { job: string; entities: readonly string[] }; answer: BulkScores | null };
  history: { ask: { job: string; entity: string }; answer: EntityScore[] };
  readable: { ask: { job: string; runId: string }; answer: PublishedRun | null };
  quarantine: {
    ask: { runId: string; limit: number; cursor: string | undefined };
    answer: Page<QuarantinedRow>;
  };
  openExport: { ask: { run: PublishedRun; format: ExportFormat }; answer: number };
  exportPart: { ask: { exportNo: number }; answer: Uint8Array | null };
  closeExport: { ask: { exportNo: number }; answer: null };
  openDigest: { ask: DigestQuery; answer: number };
  digestPart: { ask: { digestNo: number }; answer: RunDigest | null };
  closeDigest: { ask: { digestNo: number }; answer: null };
  close: { ask: null; answer: null };
}
