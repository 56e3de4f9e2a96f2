/** Whether a finished run may be published: its rows, its missing values, its distribution against the last one, and its canaries. */
import { columnShift, type ScoreSummary } from './score-summary.ts';

/** An entity whose score is known well enough to say when it cannot be right. */
export interface Canary {
  readonly entity: string;
  readonly output: string;
  /** Both inclusive. */
  readonly min: number;
  readonly max: number;
}

export interface ValidationRules {
  readonly minRows?: number | undefined;
  /** Of the rows of the last published run, either way. */
  readonly maxRowChangePct?: number | undefined;
  /** Of the rows, per output: without a finite value. */
  readonly maxNanPct: number;
  /** Population stability index of an output against the last published run. */
  readonly maxPsi?: number | undefined;
  readonly canaries: readonly Canary[];
}

export type RunFaultCode =
  | 'ROWS_TOO_FEW'
  | 'ROWS_CHANGED'
  | 'VALUES_MISSING'
  | 'SCORES_SHIFTED'
  | 'CANARY_MISSING'
  | 'CANARY_OUT_OF_RANGE';

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
  readonly summary: ScoreSummary;
  /** Of the run that is published now; undefined for the first. */
  readonly published: ScoreSummary | undefined;
  /** Undefined: the run has no such row; null: it has no such value. */
  readonly scoreOf: (entity: string, output: string) => number | null | undefined;
}

/** All faults, in the order of the rules; none: it may be published. */
export const validateRun = (rules: ValidationRules, run: RunToValidate): readonly RunFault[] => [
  ...rowFaults(rules, run),
  ...missingFaults(rules, run),
  ...shiftFaults(rules, run),
  ...rules.canaries.flatMap((canary) => canaryFault(canary, run)),
];

const rowFaults = ({ minRows, maxRowChangePct }: ValidationRules, { summary, published }: RunToValidate): RunFault[] => {
  const { rows } = summary;
  const faults: RunFault[] = [];
  if (minRows !== undefined && rows < minRows)
    faults.push({
      code: 'ROWS_TOO_FEW',
      found: rows,
      limit: minRows,
      message: `The run has ${rows} rows, fewer than ${minRows}.`,
    });
  if (maxRowChangePct === undefined || published === undefined || published.rows === 0) return faults;
  const changePct = (100 * Math.abs(rows - published.rows)) / published.rows;
  if (changePct > maxRowChangePct)
    faults.push({
      code: 'ROWS_CHANGED',
      found: changePct,
      limit: maxRowChangePct,
      message: `The run has ${rows} rows and the published one ${published.rows}: ${changePct.toFixed(1)} % more or fewer, over ${maxRowChangePct} %.`,
    });
  return faults;
};

const missingFaults = ({ maxNanPct }: ValidationRules, { summary }: RunToValidate): RunFault[] =>
  Object.entries(summary.outputs).flatMap(([output, { values, missing }]) => {
    const pct = missing === 0 ? 0 : (100 * missing) / (values + missing);
    if (pct <= maxNanPct) return [];
    const message = `${pct.toFixed(2)} % of the rows have no finite ${output}, over ${maxNanPct} %.`;
    return [{ code: 'VALUES_MISSING', of: output, found: pct, limit: maxNanPct, message }];
  });

/** An output that the published run does not have is no shift. */
const shiftFaults = ({ maxPsi }: ValidationRules, { summary, published }: RunToValidate): RunFault[] => {
  if (maxPsi === undefined || published === undefined) return [];
  return Object.entries(summary.outputs).flatMap(([output, column]) => {
    const before = Object.hasOwn(published.outputs, output) ? published.outputs[output] : undefined;
    const shift = before === undefined ? 0 : columnShift(before, column);
    if (shift <= maxPsi) return [];
    const message = `The distribution of ${output} has a stability index of ${shift.toFixed(3)} against the published run, over ${maxPsi}.`;
    return [{ code: 'SCORES_SHIFTED', of: output, found: shift, limit: maxPsi, message }];
  });
};

const canaryFault = ({ entity, output, min, max }: Canary, { scoreOf }: RunToValidate): RunFault[] => {
  const score = scoreOf(entity, output);
  if (score === undefined || score === null) {
    const message = `The canary ${entity} has no ${output} in this run.`;
    return [{ code: 'CANARY_MISSING', of: entity, found: null, limit: null, message }];
  }
  if (score >= min && score <= max) return [];
  const limit = score < min ? min : max;
  const message = `The canary ${entity} has a ${output} of ${score}, outside of ${min} to ${max}.`;
  return [{ code: 'CANARY_OUT_OF_RANGE', of: entity, found: score, limit, message }];
};
