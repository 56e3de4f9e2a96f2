/** What the alert store and its two threads say to each other. */
import type {
  Alert,
  AlertDetail,
  AlertPreview,
  AlertPreviewAnswer,
  AlertRule,
  AlertRuleStatus,
  Page,
  Silence,
} from '@shoal/protocol';
import type { AlertChange, AlertIntent, AlertStep, Deed, WatchedDevice } from '../../../ports/alert-store.ts';
import type { AlertListQuery } from './alerts-reads.ts';

export interface ThreadData {
  readonly file: string;
  /** Files that are only read. */
  readonly logFile: string;
  readonly windowsFile: string;
}

/** Per job: what is asked and what is answered. */
export interface WriterJobs {
  adopt: { ask: { rules: readonly AlertRule[]; now: number }; answer: null };
  define: { ask: { rule: AlertRule; now: number }; answer: null };
  drop: { ask: { name: string; now: number }; answer: null };
  setDevices: { ask: { devices: readonly WatchedDevice[]; now: number }; answer: null };
  step: { ask: { now: number; records: number }; answer: AlertStep };
  /** A page of what fires. */
  firing: { ask: { limit: number; cursor: string | undefined }; answer: Page<Alert> };
  changes: { ask: { afterChange: number; limit: number }; answer: AlertChange[] };
  intents: { ask: { limit: number }; answer: AlertIntent[] };
  handedOn: { ask: { upToIntent: number }; answer: null };
  act: { ask: { deed: Deed; now: number }; answer: Alert };
  silence: { ask: { silence: Silence }; answer: null };
  endSilence: { ask: { silenceId: string }; answer: boolean };
  trim: { ask: { before: number; limit: number }; answer: number };
  close: { ask: null; answer: null };
}

export interface ReaderJobs {
  alerts: { ask: AlertListQuery; answer: Page<Alert> };
  alert: { ask: { alertId: string }; answer: AlertDetail | null };
  silences: { ask: { now: number }; answer: Silence[] };
  status: { ask: { rule: string }; answer: AlertRuleStatus | null };
  preview: {
    ask: { preview: AlertPreview; devices: readonly WatchedDevice[]; now: number };
    answer: AlertPreviewAnswer;
  };
  close: { ask: null; answer: null };
}
