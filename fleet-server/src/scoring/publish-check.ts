/** Whether a finished run may be read: what is wrong with it, by the rules of its job. */
import type { ScoringSummary, ScoringValidation } from '@shoal/protocol';

const PERCENT = 100;

/** Empty: publish it. */
export const validateRun = (
  summary: ScoringSummary,
  _previous: ScoringSummary | null,
  rules: ScoringValidation,
): readonly string[] => {
  const { rows, expected, quarantined, columns } = summary;
  const faults: string[] = [];
  if (rows + quarantined !== expected)
    faults.push(`${rows} rows are stored of ${expected - quarantined} that were scored`);
  if (rules.minRows !== undefined && rows < rules.minRows) faults.push(`${rows} rows are fewer than ${rules.minRows}`);
  for (const { name, nan } of columns) {
    const percent = rows === 0 ? 0 : (nan * PERCENT) / rows;
    if (percent > rules.maxNanPct) faults.push(`${percent.toFixed(2)} % of ${name} are no finite number`);
  }
  return faults;
};
