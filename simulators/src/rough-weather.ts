/** Turns fault names into a scenario: what `--faults net,clock,kill,disk` means, decided by a seed. */
import { z } from 'zod';
import { networkConditionsSchema } from './faults/network-conditions.ts';
import { scenarioSchema, type Scenario } from './scenario.ts';
import { pick, seededRandom, uniform, type Random } from './seeded-random.ts';

export const FAULT_NAMES = ['net', 'clock', 'kill', 'disk'] as const;
export const faultNameSchema = z.enum(FAULT_NAMES);
export type FaultName = z.infer<typeof faultNameSchema>;

export interface FleetSize {
  readonly total: number;
  readonly full: number;
}

const HOUR_MS = 3_600_000;
/** Disturbances are planned this far ahead when a run has no end. */
const LONGEST_PLAN_S = 3_600;

const BAD_NETWORKS = [
  { latencyMs: 80, jitterMs: 120 },
  { stalled: true },
  { blackhole: true },
  { dribbleBytes: 7, dribblePauseMs: 2 },
  { resetAfterBytes: 3_001 },
  { refusing: true },
].map((conditions) => networkConditionsSchema.parse(conditions));

/** Moments with quiet times between, in seconds, until the end. */
const spells = (random: Random, untilS: number, quietS: readonly [number, number], forS: readonly [number, number]) => {
  const found: { atS: number; forS: number }[] = [];
  for (let atS = uniform(random, ...quietS); ; atS += uniform(random, ...quietS)) {
    const lengthS = uniform(random, ...forS);
    if (atS + lengthS >= untilS) return found;
    found.push({ atS, forS: lengthS });
    atS += lengthS;
  }
};

/** Every eighth pump has a fault of its own sooner or later, whatever the surroundings do. */
const pumpsWithFaults = (random: Random, { total, full }: FleetSize): Scenario['pumps'] => {
  const kinds = ['valve-closing', 'leak', 'imbalance', 'cavitation'] as const;
  return Array.from({ length: total }, (_, device) => device)
    .filter((device) => device % 8 === 1 || (full > 0 && device === full - 1))
    .map((device) => ({
      device,
      faults: [
        {
          kind: pick(random, kinds),
          onsetMs: uniform(random, 90_000, 300_000),
          rampMs: 60_000,
          severity: uniform(random, 0.6, 1),
        },
      ],
    }));
};

const skewedClocks = (random: Random, { total }: FleetSize): Scenario['clocks'] =>
  Array.from({ length: total }, (_, device) => device)
    .filter((device) => device % 5 === 2)
    .map((device) => ({
      device,
      offsetMs: Math.round(pick(random, [-48 * HOUR_MS, -90_000, 4_000, 5 * 60_000, 400 * 24 * HOUR_MS])),
      driftPpm: uniform(random, -200, 200),
    }));

/** @param durationS undefined: disturbances for the first hour */
export const roughWeather = (
  size: FleetSize,
  faults: ReadonlySet<FaultName>,
  durationS: number | undefined,
  seed: string,
): Scenario => {
  const random = seededRandom(`${seed}/weather`);
  const untilS = Math.min(durationS ?? LONGEST_PLAN_S, LONGEST_PLAN_S) - 2;
  const network = spells(random, untilS, [4, 15], [1, 8]).map((spell) => ({
    ...spell,
    conditions: pick(random, BAD_NETWORKS),
  }));
  const server = spells(random, untilS, [10, 30], [0.2, 3]).map((spell) => ({
    ...spell,
    action: pick(random, ['kill', 'kill', 'freeze'] as const),
  }));
  const disk = spells(random, untilS, [15, 40], [2, 6]);
  return scenarioSchema.parse({
    name: faults.size === 0 ? 'calm' : `rough-${[...faults].sort().join('-')}`,
    seed,
    devices: { ...size },
    ...(durationS === undefined ? {} : { durationS }),
    pumps: pumpsWithFaults(random, size),
    network: faults.has('net') ? network : [],
    resetsAtS: faults.has('net') ? spells(random, untilS, [10, 30], [0.1, 0.2]).map(({ atS }) => atS) : [],
    clocks: faults.has('clock') ? skewedClocks(random, size) : [],
    server: faults.has('kill') ? server : [],
    disk: faults.has('disk') ? disk : [],
  });
};
