/** The server is killed in every phase of a rollout and of its way back; afterwards everybody runs what they should, and no gate was skipped. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Rollout, RolloutDevice, RolloutEvent } from '@shoal/protocol';
import { FleetUnderTest } from './fleet-under-test.ts';
import { GOOD } from './packed-variant.ts';

export interface RolloutKillResult {
  readonly kills: number;
  /** Phase → kills. */
  readonly phases: Readonly<Record<string, number>>;
  /** Devices that did not run what they should in the end. */
  readonly stranded: number;
  /** Stages that opened before all of the one before had executed, or without its gate. */
  readonly gatesSkipped: number;
  readonly faults: readonly string[];
}

const VERSION = '1.2.0';
const BEFORE = '1.1.0';
const LOOK_MS = 20;
const PATIENCE_MS = 120_000;
const STAGES = [{ to: { devices: 2 } }, { to: { percent: 50 } }, { to: { percent: 100 } }];

/** Stages that opened although the one before had not passed, or had devices that had not executed. */
export const skippedGates = (events: readonly RolloutEvent[], devices: readonly RolloutDevice[]): number => {
  let skipped = 0;
  events.forEach((event, index) => {
    if (event.kind !== 'stage.opened' || event.stage === 1) return;
    const before = events.slice(0, index);
    const hasPassed = before.some(({ kind, stage }) => kind === 'stage.passed' && stage === event.stage - 1);
    const isEarly = devices.some(
      ({ stage, executedAt }) => stage > 0 && stage < event.stage && (executedAt === null || executedAt > event.at),
    );
    const wasOpened = before.some(({ kind, stage }) => kind === 'stage.opened' && stage === event.stage);
    if (!hasPassed || isEarly || wasOpened) skipped += 1;
  });
  return skipped;
};

const hasBegun = ({ stages, stage }: Rollout): boolean => (stages[stage - 1]?.counts.assigned ?? 0) > 0;

/** In the order in which a rollout comes through them. */
const FORWARD: readonly (readonly [string, (rollout: Rollout) => boolean])[] = [
  ['before anything is assigned', () => true],
  ['first stage assigned', (rollout) => rollout.stage === 1 && hasBegun(rollout)],
  ['second stage opens', (rollout) => rollout.stage === 2],
  ['second stage assigned', (rollout) => rollout.stage === 2 && hasBegun(rollout)],
  ['last stage assigned', (rollout) => rollout.stage === 3 && hasBegun(rollout)],
];

class Killer {
  readonly phases: Record<string, number> = {};
  private readonly fleet: FleetUnderTest;
  constructor(fleet: FleetUnderTest) {
    this.fleet = fleet;
  }

  get kills(): number {
    return Object.values(this.phases).reduce((sum, count) => sum + count, 0);
  }

  /** Waits for the phase, or for the rollout to be beyond it, and kills. */
  async at(phase: string, rolloutId: string, isIt: (rollout: Rollout) => boolean): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    let rollout = await this.fleet.show(rolloutId);
    while (!isIt(rollout) && rollout.finishedAt === null && performance.now() < until) {
      await pause(LOOK_MS);
      rollout = await this.fleet.show(rolloutId);
    }
    if (isIt(rollout)) await this.now(phase);
  }

  async now(phase: string): Promise<void> {
    await this.fleet.killServer();
    this.phases[phase] = (this.phases[phase] ?? 0) + 1;
    await this.fleet.startServer();
  }
}

/** One rollout to everybody and back, killed in every phase. */
const cycle = async (
  fleet: FleetUnderTest,
  killer: Killer,
): Promise<Pick<RolloutKillResult, 'stranded' | 'gatesSkipped' | 'faults'>> => {
  const faults: string[] = [];
  const others = async (rolloutId: string, version: string): Promise<number> =>
    (await fleet.devices(rolloutId)).filter(({ runs }) => runs !== version).length;
  const { rolloutId } = await fleet.create(VERSION, { stages: STAGES, timeoutMs: 60_000 });
  for (const [phase, isIt] of FORWARD) await killer.at(phase, rolloutId, isIt);
  await fleet.post(`/api/rollouts/${rolloutId}/halt`, {}).catch(() => undefined);
  await killer.now('halted');
  await fleet.post(`/api/rollouts/${rolloutId}/resume`, {}).catch(() => undefined);
  const through = await fleet.settled(rolloutId, ['completed', 'paused']);
  if (through.state !== 'completed') faults.push(`${rolloutId} is ${through.state}: ${through.cause?.message ?? ''}`);
  const gatesSkipped = skippedGates(await fleet.timeline(rolloutId), await fleet.devices(rolloutId));
  let stranded = await others(rolloutId, VERSION);
  await fleet.post(`/api/rollouts/${rolloutId}/rollback`, { scope: 'all' });
  await killer.now('rolling back');
  const back = await fleet.settled(rolloutId, ['rolled-back']);
  if (back.state !== 'rolled-back') faults.push(`${rolloutId} is ${back.state} and not rolled back.`);
  stranded += await others(rolloutId, BEFORE);
  return { stranded, gatesSkipped, faults };
};

export const killRollouts = async (
  scale: { readonly devices: number; readonly cycles: number },
  log: (line: string) => void,
): Promise<RolloutKillResult> => {
  const fleet = new FleetUnderTest();
  const killer = new Killer(fleet);
  const total = { stranded: 0, gatesSkipped: 0, faults: [] as string[] };
  try {
    await fleet.startServer();
    await fleet.startDevices(scale.devices, 0);
    await fleet.release(VERSION, 3, GOOD);
    for (let round = 1; round <= scale.cycles; round += 1) {
      const { stranded, gatesSkipped, faults } = await cycle(fleet, killer);
      total.stranded += stranded;
      total.gatesSkipped += gatesSkipped;
      total.faults.push(...faults);
      log(
        `cycle ${round}/${scale.cycles}: ${killer.kills} kills, ${total.stranded} stranded, ${total.gatesSkipped} gates skipped`,
      );
    }
  } finally {
    await fleet.stop();
  }
  const { stranded, gatesSkipped } = total;
  const none = [
    [stranded, 'devices are stranded'],
    [gatesSkipped, 'gates were skipped'],
  ] as const;
  const found = none.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}.`);
  return { kills: killer.kills, phases: killer.phases, ...total, faults: [...total.faults, ...found] };
};
