/** Whether a finished run may be read: every row that was scored is stored, and the rules of its job hold. */
import { validateRun } from '@shoal/models/scoring';
import type { ScoringSummary, ScoringValidation } from '@shoal/protocol';

/** Sentences; empty: publish it. */
export const publishFaults = (
  summary: ScoringSummary,
  published: ScoringSummary | null,
  rules: ScoringValidation,
): readonly string[] => {
  const { rows, expected, quarantined } = summary;
  const scored = expected - quarantined;
  return [
    ...(rows === scored ? [] : [`${rows} rows are stored of ${scored} that were scored.`]),
    ...validateRun(rules, { summary, published: published ?? undefined }).map(
      ({ code, message }) => `${code}: ${message}`,
    ),
  ];
};
