/** When people are told of an alert: once it fires, again at an interval, and when it is resolved; never while it is silenced. */
import type { AlertRule, Labels, LabelTerms } from '@shoal/protocol';
import { carriesLabels } from './rule-plan.ts';

export type Notice = 'fired' | 'again' | 'resolved';

export interface Notified {
  readonly state: 'pending' | 'firing' | 'resolved';
  /** When they were last told that it fires; null: never, for example because it was silenced. */
  readonly notifiedAt: number | null;
  readonly isAcknowledged: boolean;
}

/** What is due now. `resolved` only in the moment of the resolution. */
export const noticeDue = (
  { state, notifiedAt, isAcknowledged }: Notified,
  { repeatMs, onResolve }: AlertRule['notify'],
  { isSilenced, now }: { readonly isSilenced: boolean; readonly now: number },
): Notice | null => {
  if (isSilenced || state === 'pending') return null;
  if (state === 'resolved') return onResolve && notifiedAt !== null ? 'resolved' : null;
  if (isAcknowledged) return null;
  if (notifiedAt === null) return 'fired';
  return repeatMs !== undefined && now - notifiedAt >= repeatMs ? 'again' : null;
};

export interface SilenceTerms {
  /** Each that is not null has to match. */
  readonly rule: string | null;
  readonly key: string | null;
  readonly labels: LabelTerms;
  readonly until: number;
}

export const silences = (
  { rule, key, labels, until }: SilenceTerms,
  alert: { readonly rule: string; readonly key: string; readonly labels: Labels },
  now: number,
): boolean =>
  now < until &&
  (rule === null || rule === alert.rule) &&
  (key === null || key === alert.key) &&
  carriesLabels(alert.labels, labels);
