/** Whether two models say the same about the same thing: in the shadow of a device, and in a backtest. */

export interface ComparedVerdict {
  readonly label?: string | undefined;
  readonly outputs: Readonly<Record<string, number>>;
}

/** Outputs of models without labels are alike within this share, or this much where they are small. */
const ALIKE = { share: 0.1, absolute: 1e-3 } as const;

const isAlike = (a: number, b: number): boolean =>
  Math.abs(a - b) <= Math.max(ALIKE.absolute, ALIKE.share * Math.max(Math.abs(a), Math.abs(b)));

/** Same label; where neither has one, every output that both have is about the same. */
export const verdictsAgree = (champion: ComparedVerdict, candidate: ComparedVerdict): boolean => {
  if (champion.label !== undefined || candidate.label !== undefined) return champion.label === candidate.label;
  const names = Object.keys(champion.outputs).filter((name) => name in candidate.outputs);
  return names.length > 0 && names.every((name) => isAlike(champion.outputs[name] ?? 0, candidate.outputs[name] ?? 0));
};
