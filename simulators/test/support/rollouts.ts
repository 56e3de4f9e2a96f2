/** Rollouts of the catalogue to one real agent. */
import type { Page, Rollout, RolloutDevice } from '@shoal/protocol';
import type { Testbed } from '../../src/testbed.ts';
import { eventually } from './eventually.ts';
import { getJson, sendJson } from './rig.ts';

/** The model that the agent has, and the one that it is to have. */
export const MODEL = 'pump-anomaly';
export const [BEFORE, AFTER] = ['1.0.0', '1.1.0'];
/** The server releases every bundle of the catalogue when it starts. */
export const RELEASING = {
  SHOAL_MODELS_CATALOGUE: 'release',
  SHOAL_ROLLOUTS_TURN_MS: '50',
  SHOAL_ROLLOUTS_TICK_MS: '200',
};

/** Their windows differ, so that there is no shadow. */
export const rollOut = async (bed: Testbed): Promise<string> => {
  const definition = {
    name: 'e2e',
    model: MODEL,
    version: AFTER,
    shadow: { minWindows: 0, maxSeconds: 600, minAgreementPpm: 0 },
    probation: { minInferences: 1, minSeconds: 0, maxSeconds: 600 },
  };
  return (await sendJson<Rollout>('POST', `${bed.httpUrl}/api/rollouts`, definition)).rolloutId;
};

/** Waits until the only device of a rollout is as it should be. */
export const rolloutDevice = async (
  bed: Testbed,
  rolloutId: string,
  { what, holds }: { readonly what: string; readonly holds: (device: RolloutDevice) => boolean },
): Promise<RolloutDevice> =>
  eventually(
    what,
    async () => {
      const page = await getJson<Page<RolloutDevice>>(`${bed.httpUrl}/api/rollouts/${rolloutId}/devices`);
      const [device] = page.items;
      return device !== undefined && holds(device) ? device : undefined;
    },
    60_000,
  );
