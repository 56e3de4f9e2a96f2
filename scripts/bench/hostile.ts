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
import { GOOD, writeZoo, type ZooModel } from './hostile/zoo.ts';
import { seededRandom } from './kill/seeded-random.ts';

const ALLOW_UNSIGNED = { signaturePolicy: 'allow-unsigned' } as const;
const MODELS_PER_AGENT = 16;

const readOriginals = async (good: Bundle): Promise<Original[]> => {
  const shipped = await Promise.all((await readCatalog()).map(({ folder }) => readBundle(folder, ALLOW_UNSIGNED)));
  const bundles = [good, ...shipped.filter(({ manifest }) => manifest.platform === 'onnx')];
  return Promise.all(bundles.map(async (bundle) => ({ bundle, bytes: await readFile(bundle.modelPath) })));
};

/** Mutants of the tame model as bundles, each under a name of its own. */
const writeMutantBundles = async (
  { bundle, bytes }: Original,
  folder: string,
  count: number,
  random: () => number,
): Promise<string[]> => {
  const golden = await readFile(join(bundle.folder, 'golden.json'));
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

const judge = (run: BesideRun, good: Bundle): { readonly gaps: number; readonly faults: readonly string[] } => {
  const { window } = windowedManifest(good.manifest);
  const answered = run.predicted.get(GOOD) ?? [];
  const gaps = gapsOf(run.stampsMs, window, answered).length;
  const state = run.status?.models.find(({ model }) => model.name === GOOD)?.status ?? 'unknown';
  return {
    gaps,
    faults: [
      ...(run.deaths > 0 ? [`the agent died: ${run.logTail.slice(-4).join(' | ')}`] : []),
      ...(gaps > 0 ? [`${gaps} expected windows of the tame model have no prediction`] : []),
      ...(state === 'ready' ? [] : [`the tame model is ${state} at the end`]),
      ...gapCountFaults(run.stampsMs, window, answered),
    ],
  };
};

/** A model the gate or probation should stop must not serve; of those that turn later some must have, or nothing was tried. */
const zooFaults = (zoo: readonly ZooModel[], run: BesideRun): string[] => {
  const answered = ({ name }: ZooModel): number => run.predicted.get(name)?.length ?? 0;
  const served = zoo
    .filter(({ stage }) => stage === 'gate' || stage === 'probation')
    .filter((model) => answered(model) > 0);
  const turned = zoo.filter(({ stage }) => stage === 'later').filter((model) => answered(model) > 0);
  return [
    ...served.map((model) => `${model.name} served ${answered(model)} windows and should not have been loaded`),
    ...(turned.length === 0 ? ['no model that turns hostile later ever served'] : []),
  ];
};

const run = async ({ quick, seed = String(Date.now()), log }: BenchOptions): Promise<BenchResult> => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-hostile-'));
  const random = seededRandom(seed);
  try {
    log(`seed ${seed}`);
    const zoo = writeZoo(join(folder, 'zoo'));
    const goodFolder = join(folder, 'zoo', GOOD);
    const good = await readBundle(goodFolder, ALLOW_UNSIGNED);
    const originals = await readOriginals(good);
    const pace = { folder, dataDir: join(folder, 'data'), everyMs: 20, patienceMs: 240_000 };
    log('the tame model alone, so that it is known');
    await runBeside({ ...pace, bundles: [goodFolder], samples: 20 });
    const hostile = zoo.filter(({ name }) => name !== GOOD);
    const room = MODELS_PER_AGENT - 1;
    const rounds: string[][] = [];
    const [tame] = originals;
    if (tame === undefined) throw new Error('The tame model is missing.');
    const agentMutants = quick ? room - hostile.length : room - hostile.length + 2 * room;
    const mutantFolders = await writeMutantBundles(tame, join(folder, 'mutants'), agentMutants, random);
    const all = [...hostile.map((model) => model.folder), ...mutantFolders];
    for (let at = 0; at < all.length; at += room) rounds.push(all.slice(at, at + room));
    const results: BesideRun[] = [];
    for (const [index, bundles] of rounds.entries()) {
      log(`agent ${index + 1} of ${rounds.length}: the tame model beside ${bundles.length} others`);
      const samples = index === 0 && !quick ? 3_000 : 600;
      results.push(await runBeside({ ...pace, bundles: [...bundles, goodFolder], samples }));
    }
    const judged = results.map((result) => judge(result, good));
    const mutants = quick ? 1_000 : 10_000;
    const installEvery = quick ? 50 : 20;
    log(`${mutants} mutants`);
    const trials = await tryMutants({ folder, originals, anchor: good, mutants, installEvery, random, log });
    for (const { status } of results)
      for (const { model, status: state, reason, inference } of status?.models ?? [])
        log(
          `  ${model.name}: ${state} ${JSON.stringify(inference)}${reason === null ? '' : ` (${reason.slice(0, 120)})`}`,
        );
    const [first] = results;
    return {
      figures: {
        mutants,
        agent_deaths: results.reduce((sum, { deaths }) => sum + deaths, 0),
        other_model_gaps: judged.reduce((sum, { gaps }) => sum + gaps, 0),
        expected_windows: results.reduce(
          (sum, { stampsMs }) => sum + gapsOf(stampsMs, windowedManifest(good.manifest).window, []).length,
          0,
        ),
        hostile_models: hostile.length,
        mutants_in_agent: agentMutants,
        mutants_past_gate: trials.passedGate,
        mutants_installed: trials.installed,
        installed_share_pct: (100 * trials.installed) / Math.max(1, trials.passedGate),
        ...trials.outcomes,
        event_loop_p99_ms: first?.loopP99Ms ?? null,
        seed,
      },
      faults: [
        ...judged.flatMap(({ faults }) => faults),
        ...(first === undefined ? [] : zooFaults(zoo, first)),
        ...trials.faults,
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

export const bench: Bench = {
  name: 'hostile',
  about: 'hostile models and byte mutants beside a tame model in a real agent',
  run,
};
