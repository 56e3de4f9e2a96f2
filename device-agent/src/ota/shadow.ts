/** Whether a candidate that ran beside the model in force said the same often enough. Pure. */
import type { AssignedModel } from '@shoal/protocol';

interface Counts {
  readonly windows: number;
  readonly agreed: number;
}

const MILLION = 1_000_000;

/** Of a million windows; all of them before the first. */
export const agreementPpm = ({ windows, agreed }: Counts): number =>
  windows === 0 ? MILLION : Math.floor((agreed * MILLION) / windows);

/** Said as soon as no window to come can change it. */
export const judgeShadow = (
  { minWindows, minAgreementPpm }: AssignedModel['shadow'],
  { windows, agreed }: Counts,
): 'agrees' | 'disagrees' | 'watching' => {
  if (windows >= minWindows) return agreementPpm({ windows, agreed }) >= minAgreementPpm ? 'agrees' : 'disagrees';
  const atBest = { windows: minWindows, agreed: agreed + minWindows - windows };
  return agreementPpm(atBest) < minAgreementPpm ? 'disagrees' : 'watching';
};
