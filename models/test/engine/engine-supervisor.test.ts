import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import {
  createNativeEngine,
  EngineSupervisor,
  evaluateFeatureView,
  judgeOutputs,
  modelInputs,
  windowedManifest,
  readCatalogBundle,
  type EngineState,
  type EngineSupervisorOptions,
  type ProbeRecord,
} from '@shoal/models';
import { codeOf, eventually, isAlive } from '../conditions.ts';
import { DOUBLING, HANGING, UNKNOWN_OPERATOR, HANGING_ABOVE_1000 } from '../hostile-models.ts';
import { BundleShelf, x } from '../test-bundles.ts';

jest.setTimeout(120_000);
const shelf = new BundleShelf();
const supervisors: EngineSupervisor[] = [];
const states: EngineState[] = [];
const open = (options: Partial<EngineSupervisorOptions> = {}): EngineSupervisor => {
  const supervisor = new EngineSupervisor({
    agentVersion: '1.0.0',
    onState: (state) => void states.push(state),
    ...options,
  });
  supervisors.push(supervisor);
  return supervisor;
};
const seen = () => states.map(({ status, engine, reason }) => [status, engine, reason?.code ?? null]);
afterEach(async () => {
  await Promise.all(supervisors.splice(0).map((supervisor) => supervisor.close()));
  states.length = 0;
});
afterAll(() => shelf.dispose());

const BROKEN = pathToFileURL(fileURLToPath(new URL('./fixtures/no-such-child.ts', import.meta.url)));
/** An engine whose process ends at once, as one whose binary does not suit the processor. */
const broken: EngineSupervisorOptions['engines'] = {
  'native-child': (limits) =>
    createNativeEngine({ ...limits, launch: () => ({ entry: BROKEN, virtualMemoryKb: null, nodeFlags: [] }) }),
};

describe('the engine supervisor', () => {
  test('takes the shipped bundle from a window to a verdict', async () => {
    const bundle = await readCatalogBundle('pump-anomaly', '1.0.0');
    const model = await open().load(bundle);
    expect(model.state()).toMatchObject({
      status: 'ready',
      engine: 'native-child',
      reason: null,
      digest: bundle.digest,
    });
    const { window, featureView } = windowedManifest(bundle.manifest);
    const { channels } = window;
    const samples = (factor: number) =>
      Array.from({ length: 60 }, (_, second) => ({
        observedAt: second * 1_000,
        values: Object.fromEntries(channels.map((channel) => [channel, bundleMean(channel) * factor])),
      }));
    const bundleMean = (channel: string): number => {
      const [scale] = featureView.series;
      return scale?.op === 'scale' && scale.method === 'z-score' ? (scale.constants[channel]?.mean ?? 0) : 0;
    };
    const vectorOf = (factor: number) =>
      evaluateFeatureView(featureView, { startAt: 0, endAt: 60_000, samples: samples(factor) });
    const { outputs } = await model.infer(modelInputs(bundle.manifest, [vectorOf(1), vectorOf(2)]));
    const [, doubled] = judgeOutputs(bundle.manifest, outputs);
    expect(doubled).toMatchObject({ exceeded: true, label: 'anomaly' });
  });

  test('falls to the next engine when the first cannot start, and says why', async () => {
    const probes: ProbeRecord[] = [];
    const bundle = await shelf.bundle({ model: DOUBLING });
    const model = await open({ engines: broken, onProbe: (probe) => void probes.push(probe) }).load(bundle);
    expect((await model.infer(x(4))).outputs['score']?.data[0]).toBe(8);
    expect(seen()).toEqual([
      ['starting', 'native-child', null],
      ['starting', 'wasm-child', null],
      ['ready', 'wasm-child', 'ENGINE_CRASHED'],
    ]);
    expect(probes.map(({ engine, outcome }) => [engine, outcome])).toEqual([
      ['native-child', 'crashed'],
      ['wasm-child', 'passed'],
    ]);
  });

  test('starts with the engine that worked last time', async () => {
    const bundle = await shelf.bundle({ model: DOUBLING });
    const probe: ProbeRecord = {
      digest: bundle.digest,
      engine: 'native-child',
      agentVersion: '1.0.0',
      outcome: 'crashed',
      code: 'ENGINE_CRASHED',
      message: 'illegal instruction',
    };
    const model = await open({ probes: [probe] }).load(bundle);
    expect(model.state()).toMatchObject({ engine: 'wasm-child', reason: { message: 'illegal instruction' } });
    const updated = await open({ probes: [probe], agentVersion: '1.1.0' }).load(bundle);
    expect(updated.state().engine).toBe('native-child');
  });

  test('is unavailable, not broken, when no engine takes the model', async () => {
    const model = await open().load(await shelf.bundle({ model: UNKNOWN_OPERATOR }));
    expect(model.state()).toMatchObject({ status: 'unavailable', engine: null, reason: { code: 'MODEL_LOAD_FAILED' } });
    expect(await codeOf(model.infer(x(1)))).toBe('ENGINE_UNAVAILABLE');
    expect(model.stats()).toMatchObject({ engine: null, pid: null });
  });

  test('says the same of a bundle that it refused before, without another trial', async () => {
    const bundle = await shelf.bundle({ model: DOUBLING, golden: [[1, 3]], manifest: { engines: ['native-child'] } });
    const supervisor = open();
    const first = await supervisor.load(bundle);
    const again = await supervisor.load(bundle);
    expect(again.state().reason).toEqual(first.state().reason);
    expect(again.state()).toMatchObject({ status: 'unavailable', reason: { code: 'GOLDEN_MISMATCH' } });
  });

  test('does not trust an engine that misses the golden vectors', async () => {
    const model = await open().load(await shelf.bundle({ model: DOUBLING, golden: [[1, 3]] }));
    expect(model.state()).toMatchObject({ status: 'unavailable', reason: { code: 'GOLDEN_MISMATCH' } });
  });

  test('is unavailable where the machine allows none of the engines', async () => {
    const bundle = await shelf.bundle({ model: DOUBLING, manifest: { engines: ['native-child'] } });
    const model = await open({ allowed: ['wasm-child'] }).load(bundle);
    expect(model.state()).toMatchObject({ status: 'unavailable', reason: { code: 'ENGINE_UNAVAILABLE' } });
  });

  test('tries again after a rest', async () => {
    let now = 1_000_000;
    let entry = BROKEN;
    const bundle = await shelf.bundle({ model: DOUBLING, manifest: { engines: ['native-child'] } });
    const engines: EngineSupervisorOptions['engines'] = {
      'native-child': (limits) => {
        const good = new URL('../../src/engine/native/native-child.ts', import.meta.url);
        return createNativeEngine({
          ...limits,
          launch: () => ({ entry: entry === BROKEN ? BROKEN : good, virtualMemoryKb: null, nodeFlags: [] }),
        });
      },
    };
    const model = await open({ engines, now: () => now }).load(bundle);
    expect(model.state().status).toBe('unavailable');
    entry = new URL('file:///mended');
    expect(await codeOf(model.infer(x(1)))).toBe('ENGINE_UNAVAILABLE');
    expect(model.state().status).toBe('unavailable');
    now += 60_000;
    expect(await codeOf(model.infer(x(1)))).toBe('ENGINE_UNAVAILABLE');
    await eventually(() => model.state().status === 'ready');
    expect((await model.infer(x(1))).outputs['score']?.data[0]).toBe(2);
  });

  test('tells that an engine process is gone and back', async () => {
    const model = await open().load(await shelf.bundle({ model: DOUBLING }));
    process.kill(model.stats().pid ?? 0, 'SIGKILL');
    await eventually(() => model.stats().pid === null);
    await model.infer(x(1));
    expect(seen().slice(2)).toEqual([
      ['restarting', 'native-child', 'ENGINE_CRASHED'],
      ['ready', 'native-child', null],
    ]);
  });

  test('moves a model that breaks one engine to the next, and the request with it', async () => {
    const restartPolicy = { maxLosses: 2, windowMs: 60_000, firstDelayMs: 1, maxDelayMs: 1 };
    const slow: EngineSupervisorOptions['engines'] = {
      'native-child': (limits) => createNativeEngine({ ...limits, hardLimitMs: 300, restartPolicy }),
    };
    const model = await open({ engines: slow, limits: { hardLimitMs: 500 } }).load(
      await shelf.bundle({ model: HANGING_ABOVE_1000 }),
    );
    expect(await codeOf(model.infer(x(2_000)))).toBe('INPUT_BREAKS_MODEL');
    expect(model.state()).toMatchObject({
      status: 'ready',
      engine: 'wasm-child',
      reason: { code: 'ENGINE_UNAVAILABLE' },
    });
    expect((await model.infer(x(3))).outputs['score']?.data[0]).toBe(6);
  });

  test('gives up a model that hangs in every engine and leaves the others alone', async () => {
    const supervisor = open({ limits: { hardLimitMs: 150 } });
    const good = await supervisor.load(await shelf.bundle({ model: DOUBLING }));
    const bad = await supervisor.load(await shelf.bundle({ model: HANGING }));
    expect(bad.state()).toMatchObject({ status: 'unavailable', reason: { code: 'ENGINE_TIMEOUT' } });
    expect((await good.infer(x(5))).outputs['score']?.data[0]).toBe(10);
  });

  test('closes what it opened, and an observer that throws does not matter', async () => {
    const supervisor = open({
      onState: () => {
        throw new Error('a poor observer');
      },
    });
    const model = await supervisor.load(await shelf.bundle({ model: DOUBLING }));
    const pid = model.stats().pid ?? 0;
    await supervisor.close();
    await supervisor.close();
    expect(await isAlive(pid)).toBe(false);
    expect(await codeOf(model.infer(x(1)))).toBe('MODEL_CLOSED');
  });

  test.each([
    ['answers nonsense', new URL('./fixtures/babbling-child.ts', import.meta.url)],
    ['announces more than it was asked for', new URL('./fixtures/boasting-child.ts', import.meta.url)],
  ])('does not believe a process that %s', async (_, entry) => {
    const babbling: EngineSupervisorOptions['engines'] = {
      'native-child': (limits) =>
        createNativeEngine({ ...limits, launch: () => ({ entry, virtualMemoryKb: null, nodeFlags: [] }) }),
    };
    const bundle = await shelf.bundle({ model: DOUBLING, manifest: { engines: ['native-child'] } });
    const model = await open({ engines: babbling }).load(bundle);
    expect(model.state()).toMatchObject({ status: 'unavailable', reason: { code: 'ENGINE_PROTOCOL_INVALID' } });
  });
});
