import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { expectedWindows, type WindowSpec } from '../../src/features/window-plan.ts';
import { WindowAssembler, type AssembledWindow } from '../../src/windows/window-assembler.ts';

const specArbitrary: fc.Arbitrary<WindowSpec> = fc.record({
  lengthMs: fc.integer({ min: 1, max: 8 }).map((seconds) => seconds * 1_000),
  hopMs: fc.integer({ min: 1, max: 10 }).map((seconds) => seconds * 1_000),
  sampleRateHz: fc.constantFrom(1, 2, 0.5),
  minCoverage: fc.constantFrom(0, 0.3, 0.5, 1),
});

/** Stamps that mostly go on, with gaps and repetitions. */
const stampsArbitrary = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 200, max: 2_000 }) },
      fc.constant(0),
      fc.integer({ min: 5_000, max: 40_000 }),
    ),
    {
      maxLength: 120,
    },
  )
  .map((steps) => {
    let at = 1_700_000_000_000;
    return steps.map((step) => (at += step));
  });

const assemble = (stamps: readonly number[], spec: WindowSpec, allowedLatenessMs: number) => {
  const assembler = new WindowAssembler({ spec, channels: ['x'], allowedLatenessMs, maxSamples: 100_000 });
  const windows: AssembledWindow[] = stamps.flatMap((at, index) => assembler.add(at, { x: index, other: 1 }));
  windows.push(...assembler.flush());
  return { windows, counters: assembler.counters() };
};

const planned = (windows: readonly AssembledWindow[]) =>
  windows.map(({ startAt, endAt, samples }) => ({ startAt, endAt, count: samples.length }));

describe('the window assembler', () => {
  it('emits the windows of the plan for a recording in order', () => {
    fc.assert(
      fc.property(stampsArbitrary, specArbitrary, (stamps, spec) => {
        const { windows, counters } = assemble(stamps, spec, 0);
        expect(planned(windows)).toEqual(expectedWindows(stamps, spec));
        expect(counters.late).toBe(0);
        expect(counters.emitted).toBe(windows.length);
      }),
    );
  });

  it('emits the windows of the plan for any disorder within the allowed lateness', () => {
    const jitter = fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 120, maxLength: 120 });
    fc.assert(
      fc.property(stampsArbitrary, specArbitrary, jitter, (stamps, spec, delays) => {
        const arriving = stamps
          .map((at, index) => ({ at, arrivesAt: at + (delays[index] ?? 0) }))
          .sort((a, b) => a.arrivesAt - b.arrivesAt)
          .map(({ at }) => at);
        const { windows, counters } = assemble(arriving, spec, 3_000);
        expect(planned(windows).sort((a, b) => a.startAt - b.startAt)).toEqual(expectedWindows(stamps, spec));
        expect(counters.late).toBe(0);
      }),
    );
  });

  it('counts a sample whose window has closed, and leaves the window as it was told', () => {
    const spec = { lengthMs: 1_000, hopMs: 1_000, sampleRateHz: 1, minCoverage: 0 };
    const { windows, counters } = assemble([1_000, 2_000, 1_500, 3_000], spec, 0);
    expect(planned(windows)).toEqual([
      { startAt: 1_000, endAt: 2_000, count: 1 },
      { startAt: 2_000, endAt: 3_000, count: 1 },
    ]);
    expect(counters.late).toBe(1);
  });

  it('hands on the channels of the model only, null where there was none', () => {
    const spec = { lengthMs: 1_000, hopMs: 1_000, sampleRateHz: 1, minCoverage: 0 };
    const assembler = new WindowAssembler({ spec, channels: ['x', 'y'], allowedLatenessMs: 0, maxSamples: 10 });
    assembler.add(1_000, { x: 4, z: 5 });
    expect(assembler.add(2_000, {})[0]?.samples).toEqual([{ observedAt: 1_000, values: { x: 4, y: null } }]);
  });

  it('holds no more samples than its bound', () => {
    const spec = { lengthMs: 60_000, hopMs: 60_000, sampleRateHz: 1, minCoverage: 0 };
    const assembler = new WindowAssembler({ spec, channels: ['x'], allowedLatenessMs: 0, maxSamples: 10 });
    for (let at = 0; at < 25; at += 1) assembler.add(at, { x: at });
    expect(assembler.counters().overflowed).toBe(15);
    expect(assembler.add(60_000, { x: 1 })[0]?.samples).toHaveLength(9);
  });
});
