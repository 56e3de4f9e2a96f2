/** An alert in words, and the body that is told of it: for people `title` and `text`, for machines `data`. */
import type { Alert, AlertRule, JsonObject, Labels } from '@shoal/protocol';

const WORDS = { 'alert.fired': 'fires', 'alert.firing': 'still fires', 'alert.resolved': 'is resolved' } as const;
export type AlertSubject = keyof typeof WORDS;

const instant = (at: number): string => new Date(at).toISOString();

const sourceText = ({ on }: AlertRule): string => (on.kind === 'window' ? `windows of ${on.stream}` : on.kind);

const textOf = (
  subject: AlertSubject,
  { key, value, since, resolvedAt, resolution, clockBad }: Alert,
  rule: AlertRule,
) =>
  [
    rule.description === '' ? undefined : rule.description,
    subject === 'alert.resolved' && resolvedAt !== null
      ? `${key}: wrong from ${instant(since)} to ${instant(resolvedAt)} (${resolution}).`
      : `${key}: wrong since ${instant(since)}, by ${sourceText(rule)}${value === null ? '' : `, at ${String(value)}`}.`,
    clockBad ? 'The clock of the device was wrong: the times are those of receipt.' : undefined,
  ]
    .filter((line) => line !== undefined)
    .join('\n');

/** As Standard Webhooks has it: type, timestamp and data. */
export const noticeBody = (
  subject: AlertSubject,
  alert: Alert,
  { rule, labels, now }: { readonly rule: AlertRule; readonly labels: Labels; readonly now: number },
): JsonObject => ({
  type: subject,
  timestamp: instant(now),
  title: `${rule.severity}: ${rule.name} ${WORDS[subject]} for ${alert.key}`,
  text: textOf(subject, alert, rule),
  data: { ...alert, labels, description: rule.description },
});
