/**
 * `npm run bench -- hostile`: hostile models beside a tame one in a real agent, and thousands of byte mutants through gate and
 * engines. The agent must live, and the tame model must answer every window that the sensor's own record says it owes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBundle, readCatalog, windowedManifest, writeBundle, type Bundle } from '@shoal/models';
import type { Bench, BenchOptions, BenchResult } from './harness.ts';
import { runBeside, type BesideRun } from './hostile/agent-beside.ts';
import { gapCountFaults, gapsOf } from './hostile/gaps.ts';
import { tryMutants, type Original } from './hostile/mutant-trials.ts';
import { mutate } from './hostile/mutants.ts';
import { GOOD, TAME, writeZoo, type ZooModel } from './hostile/zoo.ts';
import { seededRandom } from './kill/seeded-random.ts';

const ALLOW_UNSIGNED = { signaturePolicy: 'allow-unsigned' } as const;
const MODELS_PER_AGENT = 16;
/** Side by side: as many as small computers have processors to spare. */
const TRIAL_LANES = 2;

const originalOf = async (bundle: Bundle): Promise<Original> => {
  const paths = [bundle.modelPath, ...bundle.weights.map(({ path }) => path)];
  return { bundle, files: await Promise.all(paths.map(async (path) => ({ path, bytes: await readFile(path) }))) };
};

/** TensorFlow.js takes three times as long to start, and many of its mutants cost a process: one in so many is of its platform. */
const TFJS_EVERY = 20;

/** What is shipped and the tame models, to be mutated in turn. */
const originalsInTurn = async (tame: readonly Bundle[]): Promise<(number: number) => Original> => {
  const shipped = await Promise.all((await readCatalog()).map(({ folder }) => readBundle(folder, ALLOW_UNSIGNED)));
  const bundles = [...tame, ...shipped];
  const [onnx, tfjs] = await Promise.all(
    (['native-child', 'tfjs-child'] as const).map((engine) =>
      Promise.all(bundles.filter(({ manifest }) => manifest.engines.includes(engine)).map(originalOf)),
    ),
  );
  return (number) => {
    const isTfjs = number % TFJS_EVERY === 0;
    const [of, turn] = isTfjs ? [tfjs ?? [], number / TFJS_EVERY] : [onnx ?? [], number];
    const original = of[turn % of.length];
    if (original === undefined) throw new Error('There is no model to mutate.');
    return original;
  };
};

/** Mutants of the tame model as bundles, each under a name of its own. */
const writeMutantBundles = async (
  bundle: Bundle,
  folder: string,
  count: number,
  random: () => number,
): Promise<string[]> => {
  const [golden, bytes] = await Promise.all(
    [join(bundle.folder, 'golden.json'), bundle.modelPath].map((p) => readFile(p)),
  );
  if (golden === undefined || bytes === undefined) throw new Error('The tame model is missing.');
  const folders = Array.from({ length: count }, (_, number) => join(folder, `mutant-${number}`));
  for (const [number, target] of folders.entries()) {
    const { files: _files, featureViewHash: _hash, ...manifest } = bundle.manifest;
    await writeBundle(target, {
      manifest: { ...manifest, name: `mutant-${number}` },
      files: [
        { path: 'model.onnx', role: 'model', bytes: mutate(bytes, random) },
        { path: 'golden.json', role: 'golden', bytes: golden },
      ],
    });
  }
  return folders;
};

interface Judgement {
  readonly gaps: number;
  readonly expected: number;
  readonly faults: readonly string[];
}

/** Of one tame model: windows it owed and did not answer, whatever the agent says of them. */
const judge = (run: BesideRun, { manifest }: Bundle): Judgement => {
  const { name } = manifest;
  const { window } = windowedManifest(manifest);
  const answered = run.predicted.get(name) ?? [];
  const gaps = gapsOf(run.stampsMs, window, answered).length;
  const own = run.status?.models.find(({ model }) => model.name === name);
  const state = own?.status ?? 'unknown';
  return {
    gaps,
    expected: gapsOf(run.stampsMs, window, []).length,
    faults: [
      ...(gaps > 0
        ? [`${gaps} expected windows of ${name} have no prediction: ${JSON.stringify(own?.inference)}`]
        : []),
      ...(state === 'ready' ? [] : [`${name} is ${state} at the end`]),
      ...gapCountFaults(run.stampsMs, window, answered),
    ],
  };
};

const deathFaults = ({ deaths, logTail }: BesideRun): string[] =>
  deaths > 0 ? [`the agent died: ${logTail.slice(-4).join(' | ')}`] : [];

/** Whatever a model does has a name: as the reason why it is out, or as the code of each window it could not answer. */
const namelessFaults = ({ status }: BesideRun): string[] =>
  (status?.models ?? []).flatMap(({ model: { name }, status: state, reason, inference }) => [
    ...(state === 'unavailable' && !reason ? [`${name} is unavailable for no reason`] : []),
    ...(inference.failed['UNEXPECTED'] !== undefined ? [`${name} failed with an error that has no name`] : []),
  ]);

/** A model the gate or probation should stop must not serve; of those that turn later some must have, or nothing was tried. */
const zooFaults = (zoo: readonly ZooModel[], runs: readonly BesideRun[]): string[] => {
  const answered = ({ name }: ZooModel): number =>
    runs.reduce((sum, { predicted }) => sum + (predicted.get(name)?.length ?? 0), 0);
  const served = zoo
    .filter(({ stage }) => stage === 'gate' || stage === 'probation')
    .filter((model) => answered(model) > 0);
  const turned = zoo.filter(({ stage }) => stage === 'later').filter((model) => answered(model) > 0);
  return [
    ...served.map((model) => `${model.name} served ${answered(model)} windows and should not have been loaded`),
    ...(turned.length === 0 ? ['no model that turns hostile later ever served'] : []),
  ];
};

/** Every other one, so that each agent has some of every kind. */
const dealt = <T>(all: readonly T[], hands: number): T[][] =>
  Array.from({ length: hands }, (_, hand) => all.filter((_, index) => index % hands === hand));

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const most = (values: readonly (number | undefined)[]): number | null => {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? null : Math.max(...known);
};

const logModels = ({ status }: BesideRun, log: BenchOptions['log']): void => {
  for (const { model, status: state, reason, inference } of status?.models ?? [])
    log(`  ${model.name}: ${state} ${JSON.stringify(inference)}${reason === null ? '' : ` (${reason.slice(0, 120)})`}`);
};

/** The zoo, and in a long run byte mutants after it, dealt to agents that each have the tame models as well. */
const runAgents = async (
  folder: string,
  zoo: readonly ZooModel[],
  { quick, log }: BenchOptions,
  random: () => number,
) => {
  const isTame = ({ name }: ZooModel): boolean => TAME.some((tame) => tame === name);
  const tameFolders = zoo.filter(isTame).map((model) => model.folder);
  const tame = await Promise.all(tameFolders.map((path) => readBundle(path, ALLOW_UNSIGNED)));
  const good = tame.find(({ manifest }) => manifest.name === GOOD);
  if (good === undefined) throw new Error('The tame model is missing.');
  const pace = { folder, dataDir: join(folder, 'data'), tame: TAME, everyMs: 20, patienceMs: 240_000 };
  log('the tame models alone, so that they are known');
  await runBeside({ ...pace, bundles: tameFolders, samples: 20, settleMs: 120_000 });
  const hostile = zoo.filter((model) => !isTame(model)).map((model) => model.folder);
  const room = MODELS_PER_AGENT - TAME.length;
  const mutants = quick ? [] : await writeMutantBundles(good, join(folder, 'mutants'), 2 * room, random);
  const hands = [
    ...dealt(hostile, Math.ceil(hostile.length / room)),
    ...dealt(mutants, Math.ceil(mutants.length / room)),
  ];
  const runs: BesideRun[] = [];
  for (const [index, bundles] of hands.entries()) {
    log(`agent ${index + 1} of ${hands.length}: ${tame.length} tame models beside ${bundles.length} others`);
    const time = quick ? { samples: 200, settleMs: 60_000 } : { samples: 1_500, settleMs: 120_000 };
    const run = await runBeside({ ...pace, ...time, bundles: [...bundles, ...tameFolders] });
    logModels(run, log);
    for (const bundle of tame) {
      const { gaps, expected } = judge(run, bundle);
      log(`  ${bundle.manifest.name}: ${gaps} of ${expected} expected windows without a prediction`);
    }
    runs.push(run);
  }
  return { tame, runs, mutants: mutants.length, hostile: hostile.length };
};

const run = async (options: BenchOptions): Promise<BenchResult> => {
  const { quick, seed = String(Date.now()), log } = options;
  const folder = mkdtempSync(join(tmpdir(), 'shoal-hostile-'));
  try {
    log(`seed ${seed}`);
    const zoo = writeZoo(join(folder, 'zoo'));
    const { tame, runs, ...counts } = await runAgents(folder, zoo, options, seededRandom(seed));
    const judged = runs.flatMap((one) => tame.map((bundle) => judge(one, bundle)));
    const mutants = quick ? 200 : 10_000;
    log(`${mutants} mutants`);
    const trials = await tryMutants({
      folder,
      originalOf: await originalsInTurn(tame),
      mutants,
      lanes: TRIAL_LANES,
      randomOf: (number) => seededRandom(`${seed}/${number}`),
      log,
    });
    const loops = runs.map(({ loop }) => loop);
    return {
      figures: {
        mutants,
        agent_deaths: sum(runs.map(({ deaths }) => deaths)),
        other_model_gaps: sum(judged.map(({ gaps }) => gaps)),
        expected_windows: sum(judged.map(({ expected }) => expected)),
        hostile_models: counts.hostile,
        unsettled_models: sum(runs.map(({ unsettled }) => unsettled.length)),
        mutants_in_agent: counts.mutants,
        mutants_installed: sum(Object.values(trials.outcomes)),
        ...trials.outcomes,
        loop_p99_ms: most(loops.map((loop) => loop?.delayP99Ms)),
        loop_busy_p99_ms: most(loops.map((loop) => loop?.busyP99Ms)),
        loop_busy_max_ms: most(loops.map((loop) => loop?.busyMaxMs)),
        seed,
      },
      faults: [
        ...runs.flatMap((one) => [...deathFaults(one), ...namelessFaults(one)]),
        ...judged.flatMap(({ faults }) => faults),
        ...zooFaults(zoo, runs),
        ...trials.faults,
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

export const bench: Bench = {
  name: 'hostile',
  about: 'hostile models and byte mutants beside tame models in real agents',
  run,
};
