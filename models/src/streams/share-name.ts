/** The name of a quantile in the values of a window. */

const PERCENT = 100;

/** 0.999 → `p99.9`. */
export const shareName = (share: number): string => `p${Number((share * PERCENT).toPrecision(12))}`;
