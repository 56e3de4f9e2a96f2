/** From verdicts on windows to verdicts on rows. */

export interface WindowVerdict {
  /** Milliseconds; the window holds rows before it. */
  readonly endAt: number;
  readonly isAnomaly: boolean;
}

/**
 * A row has the verdict of the latest window that ends at most one hop after it: the first that holds the row, or after a gap
 * and at the end of a recording the last one known. Rows before any window are normal. `verdicts` in order of `endAt`.
 */
export const rowVerdicts = (
  observedAt: readonly number[],
  verdicts: readonly WindowVerdict[],
  hopMs: number,
): boolean[] => observedAt.map((at) => verdicts.findLast(({ endAt }) => endAt <= at + hopMs)?.isAnomaly ?? false);
