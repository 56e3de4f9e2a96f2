/** What the store of scores and its two threads say to each other. */
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

export interface ThreadData {
  readonly file: string;
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
