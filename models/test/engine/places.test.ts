import { getPriority } from 'node:os';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import {
  createNativeEngine,
  EngineSupervisor,
  type Bundle,
  type InferenceEngine,
  type ModelHandle,
  type ProbeRecord,
} from '@shoal/models';
import { leavesReserve } from '../../src/engine/child/room.ts';
import { codeOf, eventually } from '../conditions.ts';
import { DOUBLING, GREEDY } from '../hostile-models.ts';
import { BundleShelf, x, type BundlePlan } from '../test-bundles.ts';
import { FLOODING_ABOVE_1000, HOSTILE_ZOO } from '../hostile-zoo.ts';

jest.setTimeout(180_000);
const shelf = new BundleShelf();
const opened: { close(): Promise<void> }[] = [];
const engine = (options: Parameters<typeof createNativeEngine>[0] = {}): InferenceEngine => {
  const made = createNativeEngine(options);
  opened.push(made);
  return made;
};
const native = (plan: BundlePlan, memoryMb = 16): Promise<Bundle> => {
  const resources = { memoryMb, diskBytes: 4_096, arch: [], minimumAgent: '0.1.0' };
  return shelf.bundle({ ...plan, manifest: { resources, ...plan.manifest, engines: ['native-child'] } });
};
const pidOf = (model: ModelHandle): number => model.stats().pid ?? Number.NaN;
const oomScore = (pid: number): number => Number(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8'));
const answerMany = async (model: ModelHandle): Promise<void> => {
  for (let run = 0; run < 200; run += 1) await model.infer(x(1 + (run % 2)));
};
afterEach(async () => {
  await Promise.all(opened.splice(0).map((part) => part.close()));
});
afterAll(() => shelf.dispose());

describe('a process for each model', () => {
  test('while the machine has room for it, and none of its own for the same bytes', async () => {
    const made = engine({ hasRoom: () => true });
    const first = await made.load(await native({ model: DOUBLING }));
    const second = await made.load(await native({ model: GREEDY }));
    const again = await made.load(await native({ model: GREEDY }));
    expect(pidOf(second)).not.toBe(pidOf(first));
    expect(pidOf(again)).toBe(pidOf(second));
    process.kill(pidOf(second), 'SIGKILL');
    expect((await first.infer(x(2))).outputs['score']?.data[0]).toBe(4);
    expect(first.stats().losses).toBe(0);
  });

  test('is the one it had on trial', async () => {
    const made = engine({ hasRoom: () => true });
    const first = await made.load(await native({ model: DOUBLING }));
    const fresh = await made.load(await native({ model: GREEDY }), { onTrial: true });
    const before = [pidOf(first), pidOf(fresh)];
    await answerMany(fresh);
    await fresh.infer(x(1));
    expect([pidOf(first), pidOf(fresh)]).toEqual(before);
  });

  test('is given up for a shared one without room', async () => {
    const made = engine({ hasRoom: () => false });
    const first = await made.load(await native({ model: DOUBLING }));
    expect(pidOf(await made.load(await native({ model: GREEDY })))).toBe(pidOf(first));
  });

  test('is had even without room where a larger model would cost the others theirs', async () => {
    const made = engine({ hasRoom: () => false });
    const first = await made.load(await native({ model: DOUBLING }));
    const pid = pidOf(first);
    const large = await made.load(await native({ model: GREEDY }, 1_024));
    expect(pidOf(large)).not.toBe(pid);
    await first.infer(x(1));
    expect(pidOf(first)).toBe(pid);
  });

  test.each([
    [300, 400, true],
    [300, 399, false],
    [0, 100, true],
    [0, 99, false],
  ])('of %d bytes is had with %d of 400 left: %s', (wanted, available, isHad) => {
    expect(leavesReserve(wanted, { available, total: 400 })).toBe(isHad);
  });
});

test('nobody is parted because a process takes its time to start', async () => {
  const restartPolicy = { maxLosses: 8, windowMs: 600_000, firstDelayMs: 4_000, maxDelayMs: 4_000 };
  const made = engine({ patienceMs: 1_500, restartPolicy, hasRoom: () => false });
  const first = await made.load(await native({ model: DOUBLING }));
  const second = await made.load(await native({ model: GREEDY }));
  const pid = pidOf(first);
  process.kill(pid, 'SIGKILL');
  await eventually(() => first.stats().pid === null);
  await Promise.all([first.infer(x(1)), second.infer(x(1)), first.infer(x(2))]);
  expect(pidOf(first)).not.toBe(pid);
  expect(pidOf(second)).toBe(pidOf(first));
});

test('a model gives way to everything else until its trial is over', async () => {
  const made = engine({ hasRoom: () => true });
  const known = await made.load(await native({ model: GREEDY }));
  const fresh = await made.load(await native({ model: DOUBLING }), { onTrial: true });
  const own = getPriority();
  expect([getPriority(pidOf(known)), getPriority(pidOf(fresh))]).toEqual([own, own + 5]);
  expect(oomScore(pidOf(fresh))).toBeGreaterThan(oomScore(pidOf(known)));
  await answerMany(fresh);
  expect(oomScore(pidOf(fresh))).toBe(oomScore(pidOf(known)));
});

test('what golden vectors have shown of a bundle is not believed of another one around the same bytes', async () => {
  const probes: ProbeRecord[] = [];
  const room = new EngineSupervisor({
    agentVersion: '1.0.0',
    allowed: ['native-child'],
    limits: { hasRoom: () => true },
    onProbe: (probe) => void probes.push(probe),
  });
  opened.push(room);
  const later = HOSTILE_ZOO.find(({ name }) => name === 'crash-later');
  const crash = HOSTILE_ZOO.find(({ name }) => name === 'crash');
  if (later === undefined || crash === undefined) throw new Error('The zoo has lost them.');
  const passed = await native({ model: later.model, manifest: { ...later.manifest, name: 'passed' } });
  const failing = await native({ ...crash, manifest: { ...crash.manifest, name: 'failing' } });
  expect(passed.modelKey).toBe(failing.modelKey);
  expect((await room.load(passed)).state().status).toBe('ready');
  expect((await room.load(failing)).state().status).toBe('unavailable');
  expect(probes.filter(({ outcome }) => outcome === 'passed').map(({ digest }) => digest)).toEqual([passed.digest]);
});

test('a flood of answers is stopped where it is made', async () => {
  const model = await engine().load(await native({ model: FLOODING_ABOVE_1000 }, 256));
  expect(await codeOf(model.infer(x(2_000)))).toBe('OUTPUT_TOO_LARGE');
  expect((await model.infer(x(4))).outputs['score']?.data[0]).toBe(8);
  expect(model.stats().losses).toBe(0);
});
