/** Rollouts to light devices and full agents: a good release comes to everybody, a bad one stops where the first device finds it. */
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { tryBad, type BadOutcome, type Terms } from './rollout/bad-rollout.ts';
import { FleetUnderTest } from './rollout/fleet-under-test.ts';
import { GOOD } from './rollout/packed-variant.ts';
import { badVariants } from './rollout/variants.ts';

const SCALE = {
  full: { light: 1_000, full: 10, canary: 8, bundles: Infinity },
  quick: { light: 60, full: 2, canary: 4, bundles: 3 },
} as const;
const GOOD_VERSION = '1.2.0';
/** Of the release that devices come with: none below it may ever run again. */
const FLOOR = 2;
const BELOW_FLOOR = '1.0.0';
const SHADOW = { minWindows: 3, maxSeconds: 120, minAgreementPpm: 800_000 };
const PROBATION = { minInferences: 2, minSeconds: 0, maxSeconds: 120 };
const TERMS: Terms = { shadow: SHADOW, probation: PROBATION, timeoutMs: 120_000 };
const SECOND_MS = 1_000;

const droppedBy = (fleet: FleetUnderTest): number =>
  fleet.agents.flatMap((agent) => agent.status().models).reduce((sum, { inference }) => sum + inference.dropped, 0);

const secondsSince = (from: number): number => (performance.now() - from) / SECOND_MS;

class RolloutBench {
  readonly faults: string[] = [];
  readonly outcomes: BadOutcome[] = [];
  readonly #fleet: FleetUnderTest;
  readonly #log: BenchOptions['log'];
  readonly #scale: (typeof SCALE)['full' | 'quick'];

  constructor(fleet: FleetUnderTest, scale: (typeof SCALE)['full' | 'quick'], log: BenchOptions['log']) {
    this.#fleet = fleet;
    this.#scale = scale;
    this.#log = log;
  }

  get devices(): number {
    return this.#scale.light + this.#scale.full;
  }

  /** To everybody, in stages; with a floor, so that nothing older may come after it. */
  async good(): Promise<{ readonly rolloutId: string; readonly convergeS: number }> {
    await this.#fleet.release(GOOD_VERSION, 3, GOOD);
    const from = performance.now();
    const stages = [{ to: { devices: this.#scale.canary } }, { to: { percent: 25 } }, { to: { percent: 100 } }];
    const { rolloutId } = await this.#fleet.create(GOOD_VERSION, { ...TERMS, stages, floor: FLOOR });
    const { state, cause } = await this.#fleet.settled(rolloutId, ['completed', 'paused']);
    const convergeS = secondsSince(from);
    const updated = await this.#runningGood(rolloutId);
    this.#log(`the good release: ${state}, on ${updated} of ${this.devices} in ${convergeS.toFixed(1)} s`);
    if (state !== 'completed') this.faults.push(`The good release is ${state}: ${cause?.message ?? ''}`);
    if (updated !== this.devices) this.faults.push(`The good release is on ${updated} of ${this.devices} devices.`);
    return { rolloutId, convergeS };
  }

  async bad(what: string, version: string, cause: string): Promise<void> {
    const outcome = await tryBad(this.#fleet, version, { ...TERMS, canary: this.#scale.canary });
    const { state, stage, message, pauseS, causes, met, escaped } = outcome;
    this.#log(`${what}: ${state} in stage ${stage} after ${pauseS.toFixed(1)} s: ${message}`);
    if (state !== 'paused' || stage !== 1) this.faults.push(`"${what}" was not stopped in the first stage.`);
    if (causes.length === 0) this.faults.push(`No full agent found "${what}": ${met}.`);
    const others = causes.filter((found) => found !== cause);
    if (others.length > 0) this.faults.push(`"${what}" was taken for ${others.join(', ')}.`);
    if (escaped > 0) this.faults.push(`"${what}" runs on ${escaped} devices that should not have it.`);
    this.outcomes.push(outcome);
  }

  /** @returns seconds */
  async rollBack(rolloutId: string): Promise<number> {
    const from = performance.now();
    await this.#fleet.post(`/api/rollouts/${rolloutId}/rollback`, { scope: 'all' });
    const { state } = await this.#fleet.settled(rolloutId, ['rolled-back']);
    const seconds = secondsSince(from);
    const left = await this.#runningGood(rolloutId);
    this.#log(`rolled back: ${state} in ${seconds.toFixed(1)} s, ${left} devices left`);
    if (state !== 'rolled-back' || left > 0) this.faults.push(`${left} devices did not come back.`);
    return seconds;
  }

  async #runningGood(rolloutId: string): Promise<number> {
    return (await this.#fleet.devices(rolloutId)).filter(({ runs }) => runs === GOOD_VERSION).length;
  }
}

const run = async ({ quick, log }: BenchOptions): Promise<BenchResult> => {
  const scale = quick ? SCALE.quick : SCALE.full;
  const fleet = new FleetUnderTest();
  const bench = new RolloutBench(fleet, scale, log);
  const { faults, outcomes } = bench;
  try {
    await fleet.startServer();
    await fleet.startDevices(scale.light, scale.full);
    log(`${bench.devices} devices are online`);
    const { rolloutId, convergeS } = await bench.good();
    let counter = 10;
    for (const { what, spoil, cause } of (await badVariants()).slice(0, scale.bundles)) {
      counter += 1;
      const version = `2.0.${counter}`;
      await fleet.release(version, counter, spoil);
      await bench.bad(what, version, cause);
    }
    const rollbackS = await bench.rollBack(rolloutId);
    if (!quick) {
      await fleet.forgetFloors();
      await fleet.find(BELOW_FLOOR);
      await bench.bad('lower counter', BELOW_FLOOR, 'UPDATE_COUNTER_TOO_LOW');
    }
    const dropped = droppedBy(fleet);
    if (dropped > 0) faults.push(`${dropped} inferences were dropped.`);
    return {
      figures: {
        devices: bench.devices,
        full_agents: scale.full,
        full_agents_exercised: Math.min(...outcomes.map(({ causes }) => causes.length)),
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
