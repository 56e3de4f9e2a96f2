/** The ONNX backend tests through every path of the product: what onnxruntime itself passes must come out the same on each. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNativeEngine, createWasmEngine } from '@shoal/models';
import { tensorsByName } from '@shoal/protocol';
import type { Bench, BenchOptions, BenchResult } from '../bench/harness.ts';
import { agentPaths, agentUnderTest } from './onnx/agent-path.ts';
import { bundleName, writeCaseBundle } from './onnx/case-bundle.ts';
import type { CasePath, PreparedCase } from './onnx/case-path.ts';
import { difference, type Closeness } from './onnx/compare.ts';
import { enginePath } from './onnx/engine-path.ts';
import type { RawRun } from './onnx/raw-messages.ts';
import { RawRuntime } from './onnx/raw-runtime.ts';
import { serverPaths } from './onnx/server-path.ts';
import { findCases, testDataFolder, type TestCase } from './onnx/test-cases.ts';

/** What the ONNX backend tests themselves allow (onnx.backend.test.runner: rtol 1e-3, atol 1e-7). */
const ONNX_CLOSENESS: Closeness = { absolute: 1e-7, relative: 1e-3 };
/** Two builds of onnxruntime with other vector instructions: some units in the last place, more where sums cancel. */
const WASM_CLOSENESS: Closeness = { absolute: 1e-6, relative: 1e-4 };
/** A quick run takes every n-th case, by name. */
const QUICK_STEP = 12;

const missing = (isCi: boolean, log: BenchOptions['log']): BenchResult => {
  const sentence =
    'libonnx-testdata is not installed: apt-get install libonnx-testdata (scripts/system-packages.sh does it)';
  log(sentence);
  return {
    figures: { cases: null, raw_pass: null, path_mismatch: null },
    faults: [isCi ? sentence : `not run: ${sentence}`],
  };
};

interface RawResult {
  readonly test: TestCase;
  readonly index: number;
  readonly run: RawRun;
}

interface RawTally {
  readonly passed: RawResult[];
  /** Passed only with FP16 as bit patterns. */
  repaired: number;
  readonly failures: Map<string, number>;
}

const count = (into: Map<string, number>, reason: string): void => void into.set(reason, (into.get(reason) ?? 0) + 1);

/** The kinds of refusal that matter, without the names of nodes. */
const kindOf = (why: string): string => {
  if (/NOT_IMPLEMENTED|Could not find an implementation/.test(why)) return 'no kernel for the operator or type';
  if (/not a registered function|Unrecognized|opset/i.test(why)) return 'unknown operator or opset';
  return why.replaceAll(/"[^"]*"|'[^']*'|\d+/g, '…').slice(0, 80);
};

const expectationFault = (test: TestCase, run: RawRun): string | null =>
  difference(run.results, tensorsByName(test.expected), ONNX_CLOSENESS) === null
    ? null
    : 'another result than expected';

const runRaw = async (cases: readonly TestCase[]): Promise<RawTally> => {
  const plain = new RawRuntime('plain');
  const repaired = new RawRuntime('repaired');
  const tally: RawTally = { passed: [], repaired: 0, failures: new Map() };
  const attempt = async (runtime: RawRuntime, test: TestCase): Promise<RawRun | string> => {
    const run = await runtime.run(test.modelPath, tensorsByName(test.inputs));
    return typeof run === 'string' ? kindOf(run) : (expectationFault(test, run) ?? run);
  };
  try {
    for (const [index, test] of cases.entries()) {
      const first = await attempt(plain, test);
      const run = typeof first === 'string' ? await attempt(repaired, test) : first;
      if (typeof run === 'string') count(tally.failures, run);
      else tally.passed.push({ test, index, run });
      if (typeof first === 'string' && typeof run !== 'string') tally.repaired += 1;
    }
  } finally {
    plain.stop();
    repaired.stop();
  }
  return tally;
};

interface PathTally {
  same: number;
  /** Said to be too large for what carries the path's messages. */
  tooLarge: number;
  readonly mismatches: string[];
}

const runPath = async (path: CasePath, prepared: PreparedCase, wanted: RawRun, tally: PathTally): Promise<void> => {
  try {
    const outputs = await path.run(prepared);
    if (outputs === null) {
      tally.tooLarge += 1;
      return;
    }
    const differs =
      difference(outputs, wanted.results, path.closeness) ??
      difference(outputs, tensorsByName(prepared.test.expected), ONNX_CLOSENESS);
    if (differs === null) tally.same += 1;
    else tally.mismatches.push(`${path.name} ${prepared.test.name}: ${differs}`);
  } catch (error) {
    tally.mismatches.push(
      `${path.name} ${prepared.test.name}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
};

const prepare = async (root: string, { test, index, run }: RawResult): Promise<PreparedCase> => {
  const bundle = bundleName(index, test);
  return { test, bundle, folder: await writeCaseBundle(root, bundle, test, run) };
};

const runPaths = async (raw: readonly RawResult[], folder: string, log: BenchOptions['log']) => {
  const bundles = join(folder, 'bundles');
  const agentFolder = join(folder, 'agent');
  await Promise.all([mkdir(bundles), mkdir(agentFolder)]);
  const [first] = raw;
  if (first === undefined) return new Map<string, PathTally>();
  const { folder: anchor } = await prepare(folder, { ...first, index: 9_999 });
  const paths: CasePath[] = [
    enginePath('native_child', createNativeEngine(), null),
    enginePath('wasm_child', createWasmEngine(), WASM_CLOSENESS),
    ...agentPaths(agentUnderTest(agentFolder, bundles, anchor)),
    ...serverPaths(folder, anchor),
  ];
  const tallies = new Map<string, PathTally>(paths.map(({ name }) => [name, { same: 0, tooLarge: 0, mismatches: [] }]));
  try {
    for (const path of paths) await path.start();
    for (const [done, result] of raw.entries()) {
      const prepared = await prepare(bundles, result);
      for (const path of paths) await runPath(path, prepared, result.run, tallies.get(path.name) as PathTally);
      await rm(prepared.folder, { recursive: true });
      if ((done + 1) % 100 === 0) log(`${done + 1} of ${raw.length} cases through ${paths.length} paths`);
    }
  } finally {
    for (const path of paths) await path.stop();
  }
  return tallies;
};

const logReasons = (title: string, reasons: ReadonlyMap<string, number>, log: BenchOptions['log']): void => {
  log(title);
  for (const [reason, times] of [...reasons].toSorted(([, a], [, b]) => b - a))
    log(`  ${String(times).padStart(4)}  ${reason}`);
};

const run = async ({ quick, isCi, log }: BenchOptions): Promise<BenchResult> => {
  const data = testDataFolder();
  if (data === undefined) return missing(isCi, log);
  const found = await findCases(data);
  const skipped = new Map<string, number>();
  for (const entry of found) if (entry.usable === null) count(skipped, entry.reason);
  const usable = found.flatMap((entry) => (entry.usable === null ? [] : [entry.usable]));
  const cases = usable.filter((_, index) => !quick || index % QUICK_STEP === 0);
  log(`${found.length} cases, ${usable.length} usable, ${cases.length} taken`);
  const raw = await runRaw(cases);
  const folder = await mkdtemp(join(tmpdir(), 'shoal-eval-onnx-'));
  try {
    const tallies = await runPaths(raw.passed, folder, log);
    const mismatches = [...tallies.values()].flatMap((tally) => tally.mismatches);
    logReasons('not usable (no tensors, or a type without a datatype):', skipped, log);
    logReasons('not passed by onnxruntime itself:', raw.failures, log);
    return {
      figures: {
        cases: cases.length,
        raw_pass: raw.passed.length,
        path_mismatch: mismatches.length,
        too_large: [...tallies.values()].reduce((sum, { tooLarge }) => sum + tooLarge, 0),
        raw_pass_repaired: raw.repaired,
        ...Object.fromEntries([...tallies].map(([name, { same }]) => [`${name}_same`, same])),
        skipped: found.length - usable.length,
      },
      faults: mismatches,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

export const evaluation: Bench = {
  name: 'onnx',
  about:
    'the ONNX backend tests through the engines, the API of the device and those of the server, against onnxruntime itself',
  run,
};
