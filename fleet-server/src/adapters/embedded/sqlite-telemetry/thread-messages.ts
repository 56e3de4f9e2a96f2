/** What the store and its two threads say to each other. */
import type {
  DeadLetterQuery,
  HistoryQuery,
  LogQuery,
  LogValues,
  SeriesQuery,
  StoredOf,
} from '../../../ports/telemetry-store.ts';
import type { DeadLetter, Page, ReceivedRanges, RecordKind, Series } from '@shoal/protocol';
import type { PackedAppend } from './packed-append.ts';
import type { AppendOutcome } from './telemetry-writer.ts';

export interface WriterThreadData {
  readonly file: string;
  readonly maxPages: number;
  readonly checkedAtOpenBytes: number;
  readonly deadLetterRows: number;
}

/** Per job: what is asked and what is answered. */
export interface WriterJobs {
  append: { ask: { packed: PackedAppend; now: number; mayWait: boolean }; answer: AppendOutcome };
  probe: { ask: null; answer: null };
  /** Sets the file aside when it is corrupt. */
  check: { ask: null; answer: null };
  deleteDevice: { ask: { deviceId: string }; answer: null };
  dropExpired: { ask: { firstKept: string }; answer: string[] };
  /** Copies what is left in the log into the file. */
  checkpoint: { ask: null; answer: null };
  close: { ask: null; answer: null };
}

export interface CheckpointJobs {
  /** Answers how many pages came to the log meanwhile. */
  checkpoint: { ask: null; answer: number };
  close: { ask: null; answer: null };
}

export interface ReaderJobs {
  highestSequence: { ask: { deviceId: string; epoch: string }; answer: number };
  ranges: { ask: { deviceId: string }; answer: ReceivedRanges };
  history: { ask: HistoryQuery<RecordKind>; answer: Page<StoredOf[RecordKind]> };
  series: { ask: SeriesQuery; answer: Series };
  deadLetters: { ask: DeadLetterQuery; answer: Page<DeadLetter> };
  readLog: { ask: LogQuery; answer: LogValues };
  totals: { ask: null; answer: { records: number; duplicates: number; deadLetters: number } };
  /** The file was replaced. */
  reopen: { ask: null; answer: null };
  close: { ask: null; answer: null };
}

export interface ThreadFault {
  /** SQLite's code, a code of the catalogue, or `UNKNOWN`. */
  readonly code: string;
  readonly message: string;
}

export type ThreadRequest<J> = {
  [K in keyof J]: { id: number; job: K; ask: J[K] extends { ask: infer A } ? A : never };
}[keyof J];

export type ThreadAnswer =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly fault: ThreadFault }
  /** Unasked, from the writer: a corrupt file was set aside and a fresh one begun. */
  | { readonly quarantined: string; readonly why: string }
  /** The first message; `isChecked` tells whether the whole file was looked at. */
  | { readonly opened: true; readonly isChecked: boolean }
  | { readonly opened: false; readonly fault: ThreadFault };

export const asFault = (error: unknown): ThreadFault => ({
  code: error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : nameOf(error),
  message: error instanceof Error ? error.message : String(error),
});

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'UNKNOWN');
