/** Whether a version that serves does it well enough to stay. Pure. */
import type { AssignedModel } from '@shoal/protocol/wire';
import type { ServiceCounts } from './model-host.port.ts';
import { faultIn } from './service-faults.ts';

/** Anything but the two words is what is wrong. `elapsedMs` since it serves. */
export const judgeService = (
  { minInferences, minSeconds }: AssignedModel['probation'],
  { inferences, ...service }: ServiceCounts,
  elapsedMs: number,
): string => {
  const fault = faultIn({ answered: inferences, ...service });
  if (fault !== undefined) return fault;
  return inferences >= minInferences && elapsedMs >= minSeconds * 1_000 ? 'passed' : 'watching';
};
