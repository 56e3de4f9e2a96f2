/** Counts verdicts against labels, and what the benchmark makes of the counts. */

export interface Confusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

export const NOTHING: Confusion = { truePositives: 0, falsePositives: 0, falseNegatives: 0, trueNegatives: 0 };

/** Both of the same length, row by row. */
export const confusionOf = (verdicts: readonly boolean[], labels: readonly boolean[]): Confusion => {
  const count = (verdict: boolean, label: boolean): number =>
    labels.filter((isAnomaly, i) => isAnomaly === label && (verdicts[i] ?? false) === verdict).length;
  return {
    truePositives: count(true, true),
    falsePositives: count(true, false),
    falseNegatives: count(false, true),
    trueNegatives: count(false, false),
  };
};

export const pooled = (parts: readonly Confusion[]): Confusion =>
  parts.reduce(
    (sum, part) => ({
      truePositives: sum.truePositives + part.truePositives,
      falsePositives: sum.falsePositives + part.falsePositives,
      falseNegatives: sum.falseNegatives + part.falseNegatives,
      trueNegatives: sum.trueNegatives + part.trueNegatives,
    }),
    NOTHING,
  );

export interface Score {
  readonly f1: number;
  readonly farPct: number;
  readonly marPct: number;
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** F1 of the anomaly class; false alarm rate FP / (FP + TN) and missing alarm rate FN / (FN + TP), in percent. 0 of nothing. */
export const scoreOf = ({ truePositives, falsePositives, falseNegatives, trueNegatives }: Confusion): Score => ({
  f1: share(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives),
  farPct: 100 * share(falsePositives, falsePositives + trueNegatives),
  marPct: 100 * share(falseNegatives, falseNegatives + truePositives),
});
