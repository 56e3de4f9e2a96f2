/** One bad release, rolled out until something stops it: what did, after how long, and who runs it. */
import type { Rollout } from '@shoal/protocol';
import type { FleetUnderTest } from './fleet-under-test.ts';

/** On which every rollout of the bench goes out. */
export type Terms = Pick<Rollout['definition'], 'shadow' | 'probation' | 'timeoutMs'>;

export interface BadOutcome extends Pick<Rollout, 'state' | 'stage'> {
  readonly message: string;
  readonly pauseS: number;
  /** Codes by which full agents of the first stage refused it. */
  readonly causes: readonly string[];
  /** What became of it on each full agent, for people. */
  readonly met: string;
  /** Devices that run it although they are in no first stage, and full agents that run it at all. */
  readonly escaped: number;
}

export const tryBad = async (
  fleet: FleetUnderTest,
  version: string,
  { canary, ...terms }: Terms & { readonly canary: number },
): Promise<BadOutcome> => {
  const from = performance.now();
  const stages = [{ to: { devices: canary } }, { to: { percent: 100 } }];
  const { rolloutId } = await fleet.create(version, { ...terms, stages });
  const { state, stage, cause } = await fleet.settled(rolloutId, ['paused', 'completed']);
  const pauseS = (performance.now() - from) / 1_000;
  const devices = await fleet.devices(rolloutId);
  const isFull = ({ deviceId }: { readonly deviceId: string }): boolean => deviceId.startsWith('full-');
  const full = devices.filter(isFull);
  const failed = full.filter((device) => device.state === 'failed');
  const met = full.map(({ deviceId, state: its, stage: of }) => `${deviceId} of stage ${of} is ${its}`).join(', ');
  const escaped = devices.filter((device) => device.runs === version && (device.stage > 1 || isFull(device))).length;
  // The light ones of the first stage take everything: they are brought back before the next.
  await fleet.post(`/api/rollouts/${rolloutId}/rollback`, {});
  await fleet.settled(rolloutId, ['rolled-back']);
  const causes = failed.map((device) => device.cause?.code ?? 'none');
  return { state, stage, message: cause?.message ?? '', pauseS, causes, met, escaped };
};
