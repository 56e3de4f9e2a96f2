/** Whether a version that serves does it well enough to stay. Pure. */
import type { AssignedModel } from '@shoal/protocol';
import type { ServiceCounts } from './model-host.port.ts';

const MOST_LOSSES = 2;
/** A few windows fail for reasons of their own, such as a sensor that was off. */
const FEW_FAILURES = 3;
const MOST_FAILED_SHARE = 0.1;

/** Anything but the two words is what is wrong. `elapsedMs` since it serves. */
export const judgeService = (
  { minInferences, minSeconds }: AssignedModel['probation'],
  { inferences, failures, losses, isDown }: ServiceCounts,
  elapsedMs: number,
): string => {
  if (isDown) return 'No engine runs it any more.';
  if (losses >= MOST_LOSSES) return `Its engine was lost ${losses} times.`;
  if (failures >= FEW_FAILURES && failures > (inferences + failures) * MOST_FAILED_SHARE)
    return `${failures} of ${inferences + failures} windows were not answered.`;
  return inferences >= minInferences && elapsedMs >= minSeconds * 1_000 ? 'passed' : 'watching';
};
