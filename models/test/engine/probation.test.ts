import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import {
  createNativeEngine,
  EngineSupervisor,
  type Bundle,
  type EngineSupervisorOptions,
  type InferenceEngine,
  type ModelHandle,
  type ProbeRecord,
} from '@shoal/models';
import { isHeldUp } from '../../src/engine/child/held-up.ts';
import { codeOf, isAlive } from '../conditions.ts';
import { DOUBLING, GREEDY, HANGING, HANGING_ABOVE_1000 } from '../hostile-models.ts';
import { BundleShelf, x, type BundlePlan } from '../test-bundles.ts';
import { ABORTING_ABOVE_1000, HOSTILE_ZOO } from '../hostile-zoo.ts';

jest.setTimeout(180_000);
const shelf = new BundleShelf();
const opened: { close(): Promise<void> }[] = [];
const engine = (limits: Parameters<typeof createNativeEngine>[0] = {}): InferenceEngine => {
  const made = createNativeEngine(limits);
  opened.push(made);
  return made;
};
const supervisor = (options: Partial<EngineSupervisorOptions> = {}): EngineSupervisor => {
  const made = new EngineSupervisor({ agentVersion: '1.0.0', allowed: ['native-child'], ...options });
  opened.push(made);
  return made;
};
const native = (plan: BundlePlan): Promise<Bundle> =>
  shelf.bundle({ ...plan, manifest: { ...plan.manifest, engines: ['native-child'] } });
/** An engine that writes down what is asked of it, and does it. */
const recording = (asked: string[]): NonNullable<EngineSupervisorOptions['engines']> => ({
  'native-child': (limits) => {
    const real = createNativeEngine(limits);
    return {
      kind: real.kind,
      probe: async (bundle) => {
        asked.push(`probe ${bundle.manifest.name}`);
        await real.probe(bundle);
      },
      load: async (bundle, options) => {
        asked.push(`load ${bundle.manifest.name}${options?.onTrial === true ? ' on trial' : ''}`);
        return real.load(bundle, options);
      },
      close: async () => real.close(),
    };
  },
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((part) => part.close()));
});
afterAll(() => shelf.dispose());

describe('probation', () => {
  test('comes before the first load among others, and not again once it is passed', async () => {
    const asked: string[] = [];
    const probes: ProbeRecord[] = [];
    const bundle = await native({ model: DOUBLING, manifest: { name: 'tame' } });
    await supervisor({ engines: recording(asked), onProbe: (probe) => void probes.push(probe) }).load(bundle);
    expect(asked).toEqual(['probe tame', 'load tame on trial']);
    await supervisor({ engines: recording(asked), probes }).load(bundle);
    expect(asked.slice(2)).toEqual(['load tame']);
    await supervisor({ engines: recording(asked), probes, agentVersion: '2.0.0' }).load(bundle);
    expect(asked.slice(3)).toEqual(['probe tame', 'load tame on trial']);
  });

  test('keeps a model that fails it out of the process of the others', async () => {
    const asked: string[] = [];
    const room = supervisor({ engines: recording(asked), limits: { hardLimitMs: 300 } });
    const good = await room.load(await native({ model: DOUBLING, manifest: { name: 'tame' } }));
    const { pid } = good.stats();
    for (const name of ['infinite-loop', 'nan', 'gigabyte-hidden', 'crash', 'unknown-operator']) {
      const { model, golden, manifest } = HOSTILE_ZOO.find((hostile) => hostile.name === name) ?? { model: HANGING };
      const plan = { model, ...(golden && { golden }), manifest: { ...manifest, name } };
      const refused = await room.load(await native(plan));
      expect([name, refused.state().status]).toEqual([name, 'unavailable']);
    }
    expect(asked.filter((line) => line.startsWith('load'))).toEqual(['load tame on trial']);
    expect((await good.infer(x(2))).outputs['score']?.data[0]).toBe(4);
    expect(good.stats()).toMatchObject({ pid, losses: 0 });
  });

  test('leaves no process behind, and ends with its engine', async () => {
    const made = engine({ hardLimitMs: 30_000 });
    expect(await codeOf(made.probe(await native({ model: DOUBLING })))).toBe('resolved');
    const hanging = codeOf(made.probe(await native({ model: HANGING })));
    await made.close();
    expect(await hanging).toBe('ENGINE_CLOSED');
    expect(await codeOf(made.probe(await native({ model: DOUBLING })))).toBe('ENGINE_CLOSED');
  });

  test('is not tried on other engines for what the gate refuses, nor again, but anew with another manifest', async () => {
    const asked: string[] = [];
    let now = 1_000_000;
    const room = supervisor({ engines: recording(asked), allowed: ['native-child', 'wasm-child'], now: () => now });
    const undeclared = await shelf.bundle({ model: HANGING_ABOVE_1000, manifest: { gate: { allow: [] } } });
    const model = await room.load(undeclared);
    expect(model.state()).toMatchObject({ status: 'unavailable', reason: { code: 'MODEL_GATE_REFUSED' } });
    now += 3_600_000;
    expect(await codeOf(model.infer(x(1)))).toBe('ENGINE_UNAVAILABLE');
    expect(asked).toEqual(['probe hostile']);
    const mended = await room.load(await shelf.bundle({ model: HANGING_ABOVE_1000 }));
    expect(mended.state()).toMatchObject({ status: 'ready', engine: 'native-child' });
  });
});

describe('a model on trial', () => {
  const answerMany = async (model: ModelHandle): Promise<void> => {
    for (let run = 0; run < 200; run += 1) await model.infer(x(1 + (run % 2)));
  };

  test('shares no process until it has answered for a while, and then the one of the others', async () => {
    const made = engine();
    const good = await made.load(await native({ model: DOUBLING }));
    const fresh = await made.load(await native({ model: GREEDY }), { onTrial: true });
    const { pid } = good.stats();
    expect(fresh.stats().pid).not.toBe(pid);
    await answerMany(fresh);
    await fresh.infer(x(1));
    expect([fresh.stats().pid, good.stats().pid]).toEqual([pid, pid]);
  });

  test('keeps its process when there is no other to join', async () => {
    const fresh = await engine().load(await native({ model: DOUBLING }), { onTrial: true });
    const { pid } = fresh.stats();
    await answerMany(fresh);
    await fresh.infer(x(1));
    expect(fresh.stats().pid).toBe(pid);
  });

  test('does not join after it lost a process', async () => {
    const made = engine({ hardLimitMs: 300 });
    const good = await made.load(await native({ model: DOUBLING }));
    const fresh = await made.load(await native({ model: HANGING_ABOVE_1000 }), { onTrial: true });
    expect(await codeOf(fresh.infer(x(2_000)))).toBe('INPUT_BREAKS_MODEL');
    await answerMany(fresh);
    await fresh.infer(x(1));
    expect(fresh.stats().pid).not.toBe(good.stats().pid);
    expect(good.stats().losses).toBe(0);
  });
});

describe('a model that misbehaves beside others', () => {
  const pair = async (made: InferenceEngine, bad: BundlePlan) => ({
    good: await made.load(await native({ model: DOUBLING })),
    bad: await made.load(await native(bad)),
  });

  test('is left with its process when it hangs, and the others answer from another one', async () => {
    const { good, bad } = await pair(engine({ hardLimitMs: 20_000, patienceMs: 100 }), { model: HANGING_ABOVE_1000 });
    expect(good.stats().pid).toBe(bad.stats().pid);
    const hanging = bad.infer(x(2_000), { deadlineMs: 60_000 });
    hanging.catch(() => undefined);
    const waiting = [1, 2, 3].map((value) => good.infer(x(value)));
    const answers = await Promise.all(waiting);
    expect(answers.map(({ outputs }) => outputs['score']?.data[0])).toEqual([2, 4, 6]);
    expect(good.stats().losses).toBe(0);
    expect(bad.stats().pid).not.toBeNull();
    expect(good.stats().pid).not.toBe(bad.stats().pid);
    await bad.close();
    expect(await codeOf(hanging)).toBe('MODEL_CLOSED');
  });

  test('pays for a crash alone: what waits behind it is answered, and it stays apart', async () => {
    const signature = HOSTILE_ZOO.find(({ name }) => name === 'crash-later')?.manifest ?? {};
    const { good, bad } = await pair(engine(), { model: ABORTING_ABOVE_1000, manifest: signature });
    const crashing = codeOf(bad.infer(x(2_000)));
    const [answer] = await Promise.all([good.infer(x(4)), good.infer(x(5))]);
    expect(answer.outputs['score']?.data[0]).toBe(8);
    expect(await crashing).toBe('INPUT_BREAKS_MODEL');
    expect([good.stats().losses, bad.stats().losses]).toEqual([0, 2]);
    expect((await bad.infer(x(1))).outputs['score']?.data[0]).toBe(2);
    const { pid } = good.stats();
    expect(pid).not.toBe(bad.stats().pid);
    process.kill(bad.stats().pid ?? Number.NaN, 'SIGKILL');
    expect((await good.infer(x(6))).outputs['score']?.data[0]).toBe(12);
    expect(good.stats().pid).toBe(pid);
  });

  test('is told to its own observers only', async () => {
    const told: (readonly string[])[] = [];
    const made = engine({
      hardLimitMs: 400,
      onChild: ({ type, bundles }) => void told.push([type, ...bundles.map(({ manifest }) => manifest.name)]),
    });
    const good = await made.load(await native({ model: DOUBLING, manifest: { name: 'tame' } }));
    const bad = await made.load(await native({ model: HANGING_ABOVE_1000, manifest: { name: 'wild' } }));
    const broken = codeOf(bad.infer(x(2_000)));
    await good.infer(x(1));
    expect(await broken).toBe('INPUT_BREAKS_MODEL');
    expect(told.filter(([type]) => type === 'lost').every((event) => !event.includes('tame'))).toBe(true);
  });

  test('ends with its own process when it is closed', async () => {
    const { good, bad } = await pair(engine({ hardLimitMs: 300 }), { model: HANGING_ABOVE_1000 });
    await codeOf(bad.infer(x(2_000)));
    const pid = bad.stats().pid ?? 0;
    await good.infer(x(1));
    await bad.close();
    expect(await isAlive(pid)).toBe(false);
    expect((await good.infer(x(1))).outputs['score']?.data[0]).toBe(2);
  });

  test('alone in its process stays where it is', async () => {
    const model = await engine().load(await native({ model: GREEDY }));
    expect(await codeOf(model.infer(x(600)))).toBe('ENGINE_OUT_OF_MEMORY');
    expect((await model.infer(x(1))).outputs['score']?.data[0]).toBe(2);
  });
});

test('a run holds others up when it outlasts patience, or a quarter of a deadline that waits', () => {
  expect(isHeldUp(999, [undefined], 1_000)).toBe(false);
  expect(isHeldUp(1_000, [undefined], 1_000)).toBe(true);
  expect(isHeldUp(1_000_000, [], 1_000)).toBe(false);
  expect([isHeldUp(99, [8_000, 400], 1_000), isHeldUp(100, [8_000, 400], 1_000)]).toEqual([false, true]);
});
