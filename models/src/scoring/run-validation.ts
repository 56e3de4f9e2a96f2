/** Whether a finished run may be published: its rows, its missing values, its distribution against the last one, and its canaries. */
import type { ScoringSummary, ScoringValidation } from '@shoal/protocol';
import { columnShift } from './column-shift.ts';

export type RunFaultCode =
  'ROWS_TOO_FEW' | 'ROWS_CHANGED' | 'VALUES_MISSING' | 'SCORES_SHIFTED' | 'CANARY_MISSING' | 'CANARY_OUT_OF_RANGE';

export interface RunFault {
  readonly code: RunFaultCode;
  /** The output or the canary's entity. */
  readonly of?: string;
  /** What was found, and the bound it broke; null where there is none. */
  readonly found: number | null;
  readonly limit: number | null;
  /** Names the thing and both numbers. */
  readonly message: string;
}

export interface RunToValidate {
  readonly summary: ScoringSummary;
  /** Of the run that is published now; undefined for the first. */
  readonly published: ScoringSummary | undefined;
}

/** All faults, in the order of the rules; none: it may be published. `summary.canaries` are those of the rules, in their order. */
export const validateRun = (rules: ScoringValidation, run: RunToValidate): readonly RunFault[] => [
  ...rowFaults(rules, run),
  ...missingFaults(rules, run),
  ...shiftFaults(rules, run),
  ...rules.canaries.flatMap((canary, i) => canaryFault(canary, run.summary.canaries[i]?.value ?? null)),
];

const rowFaults = ({ minRows, maxRowChangePct }: ScoringValidation, run: RunToValidate): RunFault[] => {
  const { rows } = run.summary;
  const faults: RunFault[] = [];
  if (minRows !== undefined && rows < minRows) {
    const message = `The run has ${rows} rows, fewer than ${minRows}.`;
    faults.push({ code: 'ROWS_TOO_FEW', found: rows, limit: minRows, message });
  }
  const before = run.published?.rows ?? 0;
  if (maxRowChangePct === undefined || before === 0) return faults;
  const changePct = (100 * Math.abs(rows - before)) / before;
  if (changePct > maxRowChangePct) {
    const message = `The run has ${rows} rows and the published one ${before}: a change of ${changePct.toFixed(1)} %, over ${maxRowChangePct} %.`;
    faults.push({ code: 'ROWS_CHANGED', found: changePct, limit: maxRowChangePct, message });
  }
  return faults;
};

const missingFaults = ({ maxNanPct }: ScoringValidation, { summary }: RunToValidate): RunFault[] =>
  summary.columns.flatMap(({ name, nan, distribution }) => {
    const pct = nan === 0 ? 0 : (100 * nan) / (nan + distribution.count);
    if (pct <= maxNanPct) return [];
    const message = `${pct.toFixed(2)} % of the rows have no finite ${name}, over ${maxNanPct} %.`;
    return [{ code: 'VALUES_MISSING', of: name, found: pct, limit: maxNanPct, message }];
  });

/** A column that the published run does not have has not shifted. */
const shiftFaults = ({ maxPsi }: ScoringValidation, { summary, published }: RunToValidate): RunFault[] => {
  if (maxPsi === undefined || published === undefined) return [];
  return summary.columns.flatMap(({ name, distribution }) => {
    const before = published.columns.find((column) => column.name === name)?.distribution;
    const shift = before === undefined ? 0 : columnShift(before, distribution);
    if (shift <= maxPsi) return [];
    const message = `The distribution of ${name} has a stability index of ${shift.toFixed(3)} against the published run, over ${maxPsi}.`;
    return [{ code: 'SCORES_SHIFTED', of: name, found: shift, limit: maxPsi, message }];
  });
};

const canaryFault = (canary: ScoringValidation['canaries'][number], score: number | null): RunFault[] => {
  const { entity, output, min, max } = canary;
  if (score === null) {
    const message = `The canary ${entity} has no ${output} in this run.`;
    return [{ code: 'CANARY_MISSING', of: entity, found: null, limit: null, message }];
  }
  if (score >= min && score <= max) return [];
  const limit = score < min ? min : max;
  const message = `The canary ${entity} has a ${output} of ${score}, outside of ${min} to ${max}.`;
  return [{ code: 'CANARY_OUT_OF_RANGE', of: entity, found: score, limit, message }];
};
