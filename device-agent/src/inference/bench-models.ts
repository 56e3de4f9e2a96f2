/** Runs models on this machine, on every engine they may have here, and tells how fast; beside a working agent, in engines of its own. */
import {
  EngineSupervisor,
  QuantileSketch,
  readBundle,
  readCatalog,
  tensorFromStored,
  type Bundle,
  type EngineKind,
  type SupervisedModel,
} from '@shoal/models';
import type { Tensors } from '@shoal/protocol/wire';
import type { AgentConfig } from '../config.ts';
import { sentenceOf } from '../errors.ts';
import { readAssignedBundle } from './assigned-bundle.ts';
import { readTrustedKeys } from './trusted-keys.ts';
import { AGENT_VERSION } from '../version.ts';

export interface BenchRow {
  readonly model: string;
  readonly version: string;
  readonly engine: EngineKind;
  /** Why there are no figures; null when there are. */
  readonly problem: string | null;
  /** Milliseconds from nothing to an engine that gave the golden answers. */
  readonly coldLoadMs?: number;
  /** Milliseconds per request as its caller waits for it, one after the other. */
  readonly p50Ms?: number;
  readonly p95Ms?: number;
  readonly p99Ms?: number;
  /** Of that, inside the runtime. */
  readonly runtimeP50Ms?: number;
  readonly requests?: number;
  /** Of the engine's process with this model alone; null where it cannot be told. */
  readonly residentBytes?: number | null;
}

export interface BenchOptions {
  /** Milliseconds per model and engine. */
  readonly durationMs: number;
  /** Told before each model and engine. */
  readonly onProgress: (what: string) => void;
}

const WARM_UP_REQUESTS = 20;

/** Those of the configuration, or else all of the catalogue. A bundle that cannot be read rejects with what is wrong with it. */
const bundlesOf = async ({ models, inference }: AgentConfig): Promise<Bundle[]> => {
  const trustedKeys = await readTrustedKeys(inference.trustedKeys);
  const { requireSignature } = inference;
  if (models.length > 0)
    return Promise.all(models.map((assignment) => readAssignedBundle(assignment, { trustedKeys, requireSignature })));
  const entries = await readCatalog();
  return Promise.all(entries.map(({ folder }) => readBundle(folder, { signaturePolicy: 'allow-unsigned' })));
};

/** The first golden vector, as tensors. */
export const goldenRequest = ({ golden }: Bundle): Tensors =>
  Object.fromEntries(
    Object.entries(golden.cases[0]?.inputs ?? {}).map(([name, tensor]) => [name, tensorFromStored(tensor)]),
  );

/** What has become of a load so far. */
export interface LoadSoFar {
  readonly requests: number;
  readonly elapsedMs: number;
  /** Of the last request, inside the runtime. */
  readonly ranMs: number;
}

/** One after the other until `isEnough`, asked after each, after some that warm the engine up, for `warmUpMs` at most. Throws ModelError. */
export const timeRequests = async (
  model: SupervisedModel,
  inputs: Tensors,
  { warmUpMs, isEnough }: { readonly warmUpMs: number; readonly isEnough: (soFar: LoadSoFar) => boolean },
) => {
  const warmBy = performance.now() + warmUpMs;
  for (let request = 0; request < WARM_UP_REQUESTS && performance.now() < warmBy; request += 1)
    await model.infer(inputs);
  const [waited, ran] = [new QuantileSketch(), new QuantileSketch()];
  const beganAt = performance.now();
  for (let isOver = false; !isOver;) {
    const startedAt = performance.now();
    const { elapsedMs: ranMs } = await model.infer(inputs);
    waited.add(performance.now() - startedAt);
    ran.add(ranMs);
    isOver = isEnough({ requests: waited.count, elapsedMs: performance.now() - beganAt, ranMs });
  }
  return {
    p50Ms: waited.quantile(0.5) ?? 0,
    p95Ms: waited.quantile(0.95) ?? 0,
    p99Ms: waited.quantile(0.99) ?? 0,
    runtimeP50Ms: ran.quantile(0.5) ?? 0,
    requests: waited.count,
  };
};

const benchOne = async (bundle: Bundle, engine: EngineKind, durationMs: number): Promise<BenchRow> => {
  const { name: model, version } = bundle.manifest;
  const supervisor = new EngineSupervisor({ agentVersion: AGENT_VERSION, allowed: [engine] });
  try {
    const startedAt = performance.now();
    const loaded = await supervisor.load(bundle);
    const { status, reason } = loaded.state();
    if (status !== 'ready') return { model, version, engine, problem: reason?.message ?? status };
    const coldLoadMs = performance.now() - startedAt;
    const figures = await timeRequests(loaded, goldenRequest(bundle), {
      warmUpMs: durationMs,
      isEnough: ({ elapsedMs }) => elapsedMs >= durationMs,
    });
    return {
      model,
      version,
      engine,
      problem: null,
      coldLoadMs,
      ...figures,
      residentBytes: loaded.stats().residentBytes,
    };
  } catch (error) {
    return { model, version, engine, problem: sentenceOf(error) };
  } finally {
    await supervisor.close();
  }
};

/** One after the other, so that none disturbs another. Throws ModelError and AgentError for a bundle that cannot be read. */
export const benchModels = async (config: AgentConfig, options: BenchOptions): Promise<BenchRow[]> => {
  const rows: BenchRow[] = [];
  for (const bundle of await bundlesOf(config)) {
    for (const engine of bundle.manifest.engines.filter((kind) => config.inference.engines.includes(kind))) {
      options.onProgress(`${bundle.manifest.name} ${bundle.manifest.version} on ${engine}`);
      rows.push(await benchOne(bundle, engine, options.durationMs));
    }
  }
  return rows;
};
