/** Rollouts while the server is killed: nobody is stranded, no gate is skipped. */
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { killRollouts } from './rollout/server-kills.ts';

const SCALE = { full: { devices: 40, cycles: 20 }, quick: { devices: 12, cycles: 1 } } as const;

const run = async ({ quick, log }: BenchOptions): Promise<BenchResult> => {
  const { kills, phases, stranded, gatesSkipped, faults } = await killRollouts(quick ? SCALE.quick : SCALE.full, log);
  return {
    figures: {
      server_kills: kills,
      phases: Object.keys(phases).length,
      least_kills_of_a_phase: Math.min(...Object.values(phases)),
      stranded,
      gates_skipped: gatesSkipped,
    },
    faults,
  };
};

export const bench: Bench = {
  name: 'rollout-kill',
  about: 'a rollout goes on where it was, whenever the server is killed',
  run,
};
