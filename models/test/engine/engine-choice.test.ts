import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chooseEngine, ENGINE_KINDS, restMs, type ChoiceInput, type EngineKind, type ProbeRecord } from '@shoal/models';

const probe = (engine: EngineKind, outcome: ProbeRecord['outcome'], patch: Partial<ProbeRecord> = {}): ProbeRecord => ({
  digest: 'm',
  engine,
  agentVersion: '1',
  outcome,
  code: null,
  message: '',
  ...patch,
});

const choose = (patch: Partial<ChoiceInput> = {}) =>
  chooseEngine({
    preference: ['native-child', 'wasm-child'],
    allowed: ENGINE_KINDS,
    digest: 'm',
    agentVersion: '1',
    probes: [],
    resting: new Map(),
    now: 100,
    ...patch,
  });

describe('the choice of an engine', () => {
  test('follows the preference of the manifest', () => {
    expect(choose()).toEqual({ engine: 'native-child' });
    expect(choose({ preference: ['wasm-child', 'native-child'] })).toEqual({ engine: 'wasm-child' });
  });

  test('leaves out what the machine does not allow', () => {
    expect(choose({ allowed: ['wasm-child'] })).toEqual({ engine: 'wasm-child' });
    expect(choose({ allowed: [] })).toEqual({ engine: null, retryAt: null });
  });

  test('never retries an engine that refused these bytes under this agent', () => {
    const probes = [probe('native-child', 'refused'), probe('wasm-child', 'refused')];
    expect(choose({ probes: probes.slice(0, 1) })).toEqual({ engine: 'wasm-child' });
    expect(choose({ probes })).toEqual({ engine: null, retryAt: null });
    expect(choose({ probes, agentVersion: '2' })).toEqual({ engine: 'native-child' });
    expect(choose({ probes, digest: 'other' })).toEqual({ engine: 'native-child' });
  });

  test('keeps an engine that crashed for the case that nothing else works', () => {
    const probes = [probe('native-child', 'crashed')];
    expect(choose({ probes })).toEqual({ engine: 'wasm-child' });
    expect(choose({ probes: [...probes, probe('wasm-child', 'refused')] })).toEqual({ engine: 'native-child' });
  });

  test('believes the newest probe', () => {
    const probes = [probe('native-child', 'refused'), probe('native-child', 'passed')];
    expect(choose({ probes })).toEqual({ engine: 'native-child' });
  });

  test('waits for the engine whose rest ends first', () => {
    const resting = new Map<EngineKind, number>([
      ['native-child', 300],
      ['wasm-child', 200],
    ]);
    expect(choose({ resting })).toEqual({ engine: null, retryAt: 200 });
    expect(choose({ resting, now: 200 })).toEqual({ engine: 'wasm-child' });
    expect(choose({ resting, now: 300 })).toEqual({ engine: 'native-child' });
  });

  test('rests longer after every failure, up to a quarter of an hour', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (failures) => {
        expect(restMs(failures + 1)).toBeGreaterThanOrEqual(restMs(failures));
        expect(restMs(failures)).toBeLessThanOrEqual(900_000);
      }),
    );
  });
});
