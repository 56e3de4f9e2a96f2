/** What the window store and its two threads say to each other. */
import type {
  Page,
  StreamDefinition,
  StreamPreview,
  StreamPreviewAnswer,
  StreamStatus,
  WindowResult,
} from '@shoal/protocol';
import type {
  DeviceLabels,
  Publications,
  PublicationsQuery,
  StoredWindows,
  StoredWindowsQuery,
  WindowChange,
  WindowQuery,
  WindowStep,
} from '../../../ports/window-store.ts';

export interface ThreadData {
  readonly file: string;
  /** The telemetry file, which is only read. */
  readonly logFile: string;
}

/** Per job: what is asked and what is answered. */
export interface WriterJobs {
  adopt: { ask: { definitions: readonly StreamDefinition[]; now: number }; answer: null };
  define: { ask: { definition: StreamDefinition; now: number }; answer: null };
  drop: { ask: { stream: string }; answer: null };
  /** Answers whether nothing is left. */
  erase: { ask: { deviceId: string }; answer: boolean };
  setLabels: { ask: readonly DeviceLabels[]; answer: null };
  keep: { ask: readonly string[]; answer: null };
  step: { ask: { now: number; records: number }; answer: WindowStep };
  trim: { ask: { now: number }; answer: number };
  close: { ask: null; answer: null };
}

export interface ReaderJobs {
  windows: { ask: WindowQuery; answer: Page<WindowResult> };
  status: { ask: { stream: string }; answer: StreamStatus | null };
  changes: { ask: { afterChange: number; limit: number }; answer: WindowChange[] };
  publications: { ask: PublicationsQuery; answer: Publications };
  stored: { ask: StoredWindowsQuery; answer: StoredWindows };
  definitions: { ask: readonly string[]; answer: StreamDefinition[] };
  newest: {
    ask: { stream: string; afterKey: number; limit: number };
    answer: { windows: WindowResult[]; nextKey: number | null };
  };
  preview: {
    ask: { preview: StreamPreview; labels: readonly DeviceLabels[]; now: number };
    answer: StreamPreviewAnswer;
  };
  close: { ask: null; answer: null };
}
