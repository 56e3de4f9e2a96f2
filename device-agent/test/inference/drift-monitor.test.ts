import { describe, expect, it } from '@jest/globals';
import { sketchColumns, type Reference } from '@shoal/models';
import { DriftMonitor, movedQuantities } from '../../src/inference/drift-monitor.ts';
import { EventList } from '../fixtures/conditions.ts';

const model = { name: 'm', version: '1.0.0' };
const thousand = Array.from({ length: 1_000 }, (_, i) => i / 100);
const reference: Reference = {
  features: sketchColumns({ flow: thousand, heat: thousand }),
  outputs: sketchColumns({ score: thousand }),
};

/** A value spread evenly over the reference. */
const usual = (i: number): number => (i * 0.37) % 10;
const row = (monitor: DriftMonitor, flow: number, i: number): void =>
  monitor.take(
    { viewHash: 'v', names: ['flow', 'heat'], values: Float32Array.of(flow, usual(i)) },
    { score: usual(i) },
  );

describe('a drift monitor', () => {
  it('is quiet over rows like the reference, tells once of a quantity that moved, and again only after it was back', () => {
    const events = new EventList();
    const monitor = new DriftMonitor({ model, reference, isNormalised: false, events });
    expect(monitor.report().state).toBe('gathering');
    for (let i = 0; i < 400; i += 1) row(monitor, usual(i), i);
    expect(monitor.report()).toMatchObject({ state: 'stable', moved: [] });
    for (let i = 0; i < 400; i += 1) row(monitor, 50, i);
    expect(monitor.report()).toMatchObject({ state: 'drifted', moved: ['flow'] });
    expect(events.kinds()).toEqual(['drift.detected']);
    expect(events.events[0]?.facts).toMatchObject({ model: 'm', quantity: 'flow', quantities: 1 });
    for (let i = 0; i < 400; i += 1) row(monitor, usual(i), i);
    expect(monitor.report().state).toBe('stable');
    for (let i = 0; i < 400; i += 1) row(monitor, 50, i);
    expect(events.kinds()).toEqual(['drift.detected', 'drift.detected']);
  });

  it('watches nothing without a reference', () => {
    const monitor = new DriftMonitor({ model, reference: undefined, isNormalised: false, events: new EventList() });
    for (let i = 0; i < 400; i += 1) row(monitor, 50, i);
    expect(monitor.report().state).toBe('none');
  });

  it('begins anew when it is cleared', () => {
    const monitor = new DriftMonitor({ model, reference, isNormalised: false, events: new EventList() });
    for (let i = 0; i < 400; i += 1) row(monitor, 50, i);
    monitor.clear();
    expect(monitor.report()).toEqual({ state: 'gathering', moved: [], indices: {} });
  });
});

describe('a drift monitor of deviations', () => {
  it('takes half a tolerance for no change, however narrow the reference', () => {
    const events = new EventList();
    const still: Reference = { features: sketchColumns({ flow: [0, 0, 0] }), outputs: {} };
    const monitor = new DriftMonitor({ model, reference: still, isNormalised: true, events });
    for (let i = 0; i < 400; i += 1) row(monitor, i % 2 === 0 ? 0.4 : -0.4, i);
    expect(monitor.report().state).toBe('stable');
    for (let i = 0; i < 400; i += 1) row(monitor, 0.6, i);
    expect(monitor.report()).toMatchObject({ state: 'drifted', moved: ['flow'] });
  });
});

describe('what has moved', () => {
  it('goes above one border and comes back below another', () => {
    expect(movedQuantities([], { a: 0.26, b: 0.2, c: 0.9 })).toEqual(['c', 'a']);
    expect(movedQuantities(['b'], { a: 0.2, b: 0.2 })).toEqual(['b']);
    expect(movedQuantities(['b'], { b: 0.09 })).toEqual([]);
  });
});
