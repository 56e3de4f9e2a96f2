/** Rollouts to light devices and full agents: a good release comes to everybody, a bad one stops where the first device finds it. */
import type { Rollout } from '@shoal/protocol';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { FleetUnderTest } from './rollout/fleet-under-test.ts';
import { BAD, GOOD } from './rollout/variants.ts';

const SCALE = {
  full: { light: 1_000, full: 10, canary: 8 },
  quick: { light: 60, full: 2, canary: 4 },
} as const;
const GOOD_VERSION = '1.2.0';
const SHADOW = { minWindows: 3, maxSeconds: 120, minAgreementPpm: 800_000 };
const PROBATION = { minInferences: 2, minSeconds: 0, maxSeconds: 120 };
const TERMS = { shadow: SHADOW, probation: PROBATION, timeoutMs: 120_000 };
const SECOND_MS = 1_000;

interface BadOutcome {
  readonly rollout: Rollout;
  readonly pauseS: number;
  /** Full agents that carried it out. */
  readonly exercised: number;
  /** Devices that run it although they are in no first stage, and full agents that run it at all. */
  readonly escaped: number;
}

const tryBad = async (fleet: FleetUnderTest, version: string, canary: number): Promise<BadOutcome> => {
  const from = performance.now();
  const stages = [{ to: { devices: canary } }, { to: { percent: 100 } }];
  const { rolloutId } = await fleet.create(version, { ...TERMS, stages });
  const rollout = await fleet.settled(rolloutId, ['paused', 'completed']);
  const pauseS = (performance.now() - from) / SECOND_MS;
  const devices = await fleet.devices(rolloutId);
  const isFull = ({ deviceId }: { deviceId: string }): boolean => deviceId.startsWith('full-');
  const failed = devices.filter((device) => isFull(device) && device.state === 'failed');
  const escaped = devices.filter((device) => device.runs === version && (device.stage > 1 || isFull(device))).length;
  // The light ones of the first stage take everything: they are brought back before the next.
  await fleet.post(`/api/rollouts/${rolloutId}/rollback`, {});
  await fleet.settled(rolloutId, ['rolled-back']);
  return { rollout, pauseS, exercised: failed.length, escaped };
};

const droppedBy = (fleet: FleetUnderTest): number =>
  fleet.agents.flatMap((agent) => agent.status().models).reduce((sum, { inference }) => sum + inference.dropped, 0);

const run = async ({ quick, log }: BenchOptions): Promise<BenchResult> => {
  const scale = quick ? SCALE.quick : SCALE.full;
  const fleet = new FleetUnderTest();
  const faults: string[] = [];
  try {
    await fleet.startServer();
    await fleet.startDevices(scale.light, scale.full);
    const devices = scale.light + scale.full;
    log(`${devices} devices are online`);
    await fleet.release(GOOD_VERSION, 3, GOOD);
    const began = performance.now();
    const stages = [{ to: { devices: scale.canary } }, { to: { percent: 25 } }, { to: { percent: 100 } }];
    const { rolloutId } = await fleet.create(GOOD_VERSION, { ...TERMS, stages });
    const good = await fleet.settled(rolloutId, ['completed', 'paused']);
    const convergeS = (performance.now() - began) / SECOND_MS;
    const updated = (await fleet.devices(rolloutId)).filter(({ runs }) => runs === GOOD_VERSION).length;
    log(`the good release: ${good.state}, on ${updated} of ${devices} in ${convergeS.toFixed(1)} s`);
    if (good.state !== 'completed') faults.push(`The good release is ${good.state}: ${good.cause?.message ?? ''}`);
    if (updated !== devices) faults.push(`The good release is on ${updated} of ${devices} devices.`);
    const outcomes: BadOutcome[] = [];
    let counter = 10;
    for (const [what, spoil] of Object.entries(BAD)) {
      counter += 1;
      const version = `2.0.${counter}`;
      await fleet.release(version, counter, spoil);
      const outcome = await tryBad(fleet, version, scale.canary);
      const { state, cause, stage } = outcome.rollout;
      log(`${what}: ${state} in stage ${stage} after ${outcome.pauseS.toFixed(1)} s: ${cause?.message ?? ''}`);
      if (state !== 'paused' || stage !== 1) faults.push(`"${what}" was not stopped in the first stage.`);
      if (outcome.exercised === 0) faults.push(`No full agent found "${what}".`);
      if (outcome.escaped > 0) faults.push(`"${what}" runs on ${outcome.escaped} devices that should not have it.`);
      outcomes.push(outcome);
    }
    const rollbackFrom = performance.now();
    await fleet.post(`/api/rollouts/${rolloutId}/rollback`, { scope: 'all' });
    const back = await fleet.settled(rolloutId, ['rolled-back']);
    const rollbackS = (performance.now() - rollbackFrom) / SECOND_MS;
    const left = (await fleet.devices(rolloutId)).filter(({ runs }) => runs === GOOD_VERSION).length;
    log(`rolled back: ${back.state} in ${rollbackS.toFixed(1)} s, ${left} devices left`);
    if (back.state !== 'rolled-back' || left > 0) faults.push(`${left} devices did not come back.`);
    const dropped = droppedBy(fleet);
    if (dropped > 0) faults.push(`${dropped} inferences were dropped.`);
    return {
      figures: {
        devices,
        full_agents: scale.full,
        full_agents_exercised: Math.min(...outcomes.map(({ exercised }) => exercised)),
        converge_s: convergeS,
        bad_variants: outcomes.length,
        bad_escaped: outcomes.reduce((sum, { escaped }) => sum + escaped, 0),
        pause_s: Math.max(...outcomes.map(({ pauseS }) => pauseS)),
        rollback_s: rollbackS,
        dropped_inferences: dropped,
      },
      faults,
    };
  } finally {
    await fleet.stop();
  }
};

export const bench: Bench = {
  name: 'rollout',
  about: 'a good release reaches everybody, a bad one stops in its first stage',
  run,
};
