/** Whether a candidate that ran beside the model in force answered, and said the same often enough. Pure. */
import type { AssignedModel } from '@shoal/protocol/wire';
import type { ShadowCounts } from './model-host.port.ts';
import { faultIn } from './service-faults.ts';
import type { Cause } from './update-record.ts';

type Compared = Pick<ShadowCounts, 'windows' | 'agreed'>;

const MILLION = 1_000_000;

/** Of a million windows; all of them before the first. */
export const agreementPpm = ({ windows, agreed }: Compared): number =>
  windows === 0 ? MILLION : Math.floor((agreed * MILLION) / windows);

/** Said as soon as no window to come can change it; a cause is why it may not take over. */
export const judgeShadow = (
  { minWindows, minAgreementPpm }: AssignedModel['shadow'],
  { windows, agreed, failures, losses, isDown, lastFault }: ShadowCounts,
): 'agrees' | 'watching' | Cause => {
  const fault = faultIn({ answered: windows, failures, losses, isDown });
  if (fault !== undefined)
    return { code: 'UPDATE_FAILS_IN_SHADOW', message: lastFault === undefined ? fault : `${fault} Last: ${lastFault}` };
  const atBest =
    windows >= minWindows ? { windows, agreed } : { windows: minWindows, agreed: agreed + minWindows - windows };
  if (agreementPpm(atBest) >= minAgreementPpm) return windows >= minWindows ? 'agrees' : 'watching';
  const message = `${agreementPpm({ windows, agreed })} of a million windows have the label of the model in force, ${minAgreementPpm} are demanded.`;
  return { code: 'UPDATE_DISAGREES', message };
};
