/** What the feature store and its two threads say to each other. */
import type { FeatureImport, Page, RejectedRow, SkewAudit } from '@shoal/protocol';
import type {
  AsOfQuery,
  FeatureHistoryQuery,
  ImportPart,
  LogEffects,
  PageOptions,
  PushedOutcome,
  PushedWrite,
  RegisteredView,
  SettledAudit,
  SlotHistory,
  SlotSpec,
  StoredEntity,
  WindowEffects,
} from '../../../ports/feature-store.ts';

export interface ThreadData {
  readonly file: string;
}

export interface WriterThreadData extends ThreadData {
  readonly checkedAtOpenBytes: number;
}

/** Per job: what is asked and what is answered. */
export interface WriterJobs {
  register: { ask: { view: string; slots: readonly SlotSpec[] }; answer: RegisteredView };
  put: { ask: { writes: readonly PushedWrite[]; now: number }; answer: PushedOutcome[] };
  applyLog: { ask: LogEffects; answer: { applied: number; tooLate: number } };
  applyWindows: { ask: WindowEffects; answer: { applied: number; tooLate: number } };
  beginImport: { ask: { importId: string; view: string; now: number }; answer: boolean };
  importRows: { ask: { part: ImportPart; now: number }; answer: null };
  endImport: { ask: { importId: string; state: string; now: number }; answer: null };
  saveAudits: { ask: readonly SettledAudit[]; answer: null };
  dropWindows: { ask: { before: number }; answer: number };
  /** Answers whether nothing is left. */
  erase: { ask: { viewNo: number; entity: string }; answer: boolean };
  close: { ask: null; answer: null };
}

export interface ReaderJobs {
  asOf: { ask: AsOfQuery; answer: StoredEntity };
  history: { ask: FeatureHistoryQuery; answer: Page<SlotHistory> };
  findImport: { ask: { importId: string }; answer: FeatureImport | null };
  imports: { ask: PageOptions; answer: Page<FeatureImport> };
  rejected: { ask: PageOptions & { importId: string }; answer: Page<RejectedRow> };
  audits: {
    ask: PageOptions & { result: string | undefined; view: string | undefined };
    answer: Page<SkewAudit>;
  };
  close: { ask: null; answer: null };
}
