/** The simulated pump obeys conservation laws, answers faults in the right direction, and repeats itself for a seed. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { WATER_J_PER_KG_K } from '../../src/physics/hydraulics.ts';
import { heatToRoomW } from '../../src/physics/motor.ts';
import { NOMINAL_PUMP, sisterPump } from '../../src/physics/pump-design.ts';
import type { PumpFault } from '../../src/physics/pump-faults.ts';
import { pumpStep, truthOf, warmPump, type PumpState } from '../../src/physics/pump.ts';
import { seededRandom } from '../../src/seeded-random.ts';

const run = (faults: readonly PumpFault[], steps: number, seed = 'test'): PumpState[] => {
  const step = pumpStep(NOMINAL_PUMP, faults);
  const random = seededRandom(seed);
  const states = [warmPump(NOMINAL_PUMP)];
  for (let index = 0; index < steps; index += 1) {
    states.push(step(states[index] as PumpState, 1_000, random).state);
  }
  return states;
};
const fault = (kind: 'valve-closing' | 'leak' | 'imbalance' | 'cavitation', severity: number): PumpFault => ({
  kind,
  severity,
  onsetMs: 0,
  rampMs: 0,
});
const truthAfter = (faults: readonly PumpFault[], imbalance = 0) => {
  const states = run(faults, 60);
  return truthOf(NOMINAL_PUMP, states[60] as PumpState, imbalance);
};

describe('conservation', () => {
  test('water that leaves the tank is water that was spilt', () => {
    const states = run([fault('leak', 1)], 600);
    for (const { tankKg, spiltKg } of states) expect(tankKg + spiltKg).toBeCloseTo(60, 9);
    expect(states[600]?.spiltKg).toBeGreaterThan(10);
  });

  test('the pump moves what returns and what leaks', () => {
    for (const { point } of run([fault('leak', 0.7)], 20)) {
      expect(point.returnFlowM3PerS + point.leakFlowM3PerS).toBeCloseTo(point.pumpFlowM3PerS, 15);
    }
  });

  test('electrical energy becomes heat in motor and water, or leaves to the room', () => {
    const states = run([fault('valve-closing', 0.8)], 900);
    const { motorCapacityJPerK } = NOMINAL_PUMP.heat;
    const stored = ({ motorC, fluidC, tankKg }: PumpState): number =>
      motorC * motorCapacityJPerK + fluidC * tankKg * WATER_J_PER_KG_K;
    let balanceJ = 0;
    for (let index = 1; index < states.length; index += 1) {
      const before = states[index - 1] as PumpState;
      const now = states[index] as PumpState;
      balanceJ += now.motor.electricalPowerW - heatToRoomW(NOMINAL_PUMP.heat, before);
    }
    expect(stored(states[900] as PumpState) - stored(states[0] as PumpState)).toBeCloseTo(balanceJ, 3);
  });

  test('the shaft gives the water no more than it takes from the motor', () => {
    for (const { point, motor } of run([fault('cavitation', 1)], 60)) {
      expect(point.hydraulicPowerW).toBeLessThan(motor.shaftPowerW);
      expect(motor.shaftPowerW).toBeLessThan(motor.electricalPowerW);
    }
  });
});

describe('answers', () => {
  const severities = fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0.01, max: 1, noNaN: true }),
  );

  test('closing the valve further lowers flow and current and raises pressure', () => {
    fc.assert(
      fc.property(severities, ([from, more]) => {
        const wide = truthAfter([fault('valve-closing', from * 0.5)]);
        const narrow = truthAfter([fault('valve-closing', from * 0.5 + more * 0.5)]);
        expect(narrow['Volume Flow RateRMS']).toBeLessThan(wide['Volume Flow RateRMS']);
        expect(narrow.Pressure).toBeGreaterThan(wide.Pressure);
        expect(narrow.Current).toBeLessThan(wide.Current);
      }),
      { numRuns: 25 },
    );
  });

  test('a leak takes flow from the return and pressure from the loop', () => {
    const tight = truthAfter([]);
    const leaking = truthAfter([fault('leak', 1)]);
    expect(leaking['Volume Flow RateRMS']).toBeLessThan(tight['Volume Flow RateRMS']);
    expect(leaking.Pressure).toBeLessThan(tight.Pressure);
  });

  test('imbalance shakes both accelerometers and leaves the water alone', () => {
    const calm = truthAfter([]);
    const shaking = truthAfter([fault('imbalance', 0.5)], 0.5);
    expect(shaking.Accelerometer1RMS).toBeGreaterThan(3 * calm.Accelerometer1RMS);
    expect(shaking.Accelerometer2RMS).toBeGreaterThan(3 * calm.Accelerometer2RMS);
    expect(shaking['Volume Flow RateRMS']).toBe(calm['Volume Flow RateRMS']);
  });

  test('cavitation begins only when the suction head is short, then costs head and shakes', () => {
    expect(run([fault('cavitation', 0.3)], 60)[60]?.cavitation).toBe(0);
    const calm = truthAfter([]);
    const cavitating = truthAfter([fault('cavitation', 1)]);
    expect(cavitating.Pressure).toBeLessThan(calm.Pressure);
    expect(cavitating.Accelerometer1RMS).toBeGreaterThan(1.5 * calm.Accelerometer1RMS);
  });

  test('an emptied tank stops the flow', () => {
    const states = run([fault('leak', 1), fault('valve-closing', 0)], 6_000);
    expect(states[6_000]?.tankKg).toBeLessThan(1);
    expect(states[6_000]?.point.pumpFlowM3PerS).toBeLessThan(0.5 * (states[0]?.point.pumpFlowM3PerS ?? 0));
  });

  test('a healthy pump that is warm stays where it is', () => {
    const states = run([], 1_800);
    expect(states[1_800]?.motorC).toBeCloseTo(states[0]?.motorC ?? 0, 0);
    expect(states[1_800]?.fluidC).toBeCloseTo(states[0]?.fluidC ?? 0, 1);
  });

  test('a fault grows over its ramp and ends after its duration', () => {
    const ramp: PumpFault = {
      kind: 'valve-closing',
      onsetMs: 10_000,
      rampMs: 20_000,
      durationMs: 60_000,
      severity: 0.8,
    };
    const flows = run([ramp], 90).map(({ point }) => point.returnFlowM3PerS);
    expect(flows[9]).toBe(flows[1]);
    expect(flows[20]).toBeLessThan(flows[9] as number);
    expect(flows[31]).toBeLessThan(flows[20] as number);
    expect(flows[80]).toBe(flows[1]);
  });
});

describe('sensors', () => {
  const samples = (faults: readonly PumpFault[], seed: string) => {
    const step = pumpStep(NOMINAL_PUMP, faults);
    const random = seededRandom(seed);
    let state = warmPump(NOMINAL_PUMP);
    return Array.from({ length: 100 }, () => {
      const next = step(state, 1_000, random);
      state = next.state;
      return next.sample;
    });
  };

  test('the same seed shows the same values, another seed others', () => {
    expect(samples([], 'a')).toEqual(samples([], 'a'));
    expect(samples([], 'a')).not.toEqual(samples([], 'b'));
  });

  test('a stuck sensor repeats its last value while the others go on', () => {
    const shown = samples([{ kind: 'sensor-stuck', channel: 'Current', onsetMs: 50_000, rampMs: 0, severity: 1 }], 'a');
    expect(new Set(shown.slice(50).map(({ values }) => values.Current)).size).toBe(1);
    expect(new Set(shown.slice(0, 49).map(({ values }) => values.Current)).size).toBeGreaterThan(40);
    expect(new Set(shown.slice(50).map(({ values }) => values.Voltage)).size).toBeGreaterThan(40);
  });

  test('the pressure converter has the coarse steps of the recordings', () => {
    for (const { values } of samples([], 'a')) {
      const steps = (values.Pressure - 0.054711) / 0.327927;
      expect(steps).toBeCloseTo(Math.round(steps), 4);
    }
  });

  test('sisters differ a little and stay healthy', () => {
    const sister = sisterPump(NOMINAL_PUMP, seededRandom('sister'));
    const truth = truthOf(sister, warmPump(sister), 0);
    const nominal = truthOf(NOMINAL_PUMP, warmPump(NOMINAL_PUMP), 0);
    for (const [channel, value] of Object.entries(truth)) {
      expect(Math.abs(value / nominal[channel as keyof typeof nominal] - 1)).toBeLessThan(0.1);
    }
    expect(truth).not.toEqual(nominal);
  });
});
