/** How far two lists of scores put the same things into the same order, and which things they disagree about. */

/** Fewer tell nothing. */
const LEAST = 5;

/** 1 is the smallest; equal values share the mean of their places. */
export const ranksOf = (values: readonly number[]): number[] => {
  const order = Array.from(values.keys()).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  const ranks = values.map(() => 0);
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) to += 1;
    for (let at = from; at < to; at += 1) ranks[order[at] ?? 0] = (from + to + 1) / 2;
    from = to;
  }
  return ranks;
};

/** Spearman's rank correlation, -1 to 1; undefined for fewer than five pairs or a side that is all equal. */
export const rankCorrelation = (a: readonly number[], b: readonly number[]): number | undefined => {
  if (a.length < LEAST) return undefined;
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const middle = (a.length + 1) / 2;
  let [both, ofX, ofY] = [0, 0, 0];
  for (const [i, rank] of x.entries()) {
    const [dx, dy] = [rank - middle, (y[i] ?? 0) - middle];
    both += dx * dy;
    ofX += dx * dx;
    ofY += dy * dy;
  }
  return ofX === 0 || ofY === 0 ? undefined : both / Math.sqrt(ofX * ofY);
};

/** Per pair, 0 to 1: how far apart its places are, when `agreement` says whether high goes with high or with low. */
export const rankDistances = (a: readonly number[], b: readonly number[], agreement: number): number[] => {
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const last = Math.max(1, a.length - 1);
  return x.map((rank, i) => {
    const other = y[i] ?? 0;
    return Math.abs(rank - (agreement < 0 ? a.length + 1 - other : other)) / last;
  });
};
