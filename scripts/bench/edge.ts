/** What the agent takes of a small machine: time per inference, memory, processor, flash, and how soon it predicts. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { WindowedManifest } from '@shoal/models';
import {
  bigModel,
  everySample,
  FIRST_MODEL,
  firstManifest,
  firstModelFile,
  modelBytes,
  secondModel,
} from './edge/edge-models.ts';
import { oneHertz, writeRecording } from './edge/feeds.ts';
import { PackedAgent, unpackedAgent, type EdgeStatus } from './edge/packed-agent.ts';
import { pssMb } from './edge/process-tree.ts';
import type { RawOrder } from './edge/raw-onnxruntime.ts';
import { isOnDisk, measureSteady, type Steady } from './edge/steady.ts';
import { median, type Bench, type BenchOptions, type BenchResult } from './harness.ts';
import { ServerProgram } from './kill/processes/server-program.ts';
import { ROOT } from './load/built-server.ts';
import { BenchChild } from './load/child.ts';

interface Effort {
  readonly steadySeconds: number;
  readonly offlineSeconds: number;
  readonly busySeconds: number;
  readonly latencyRounds: number;
  /** Starts timed; their median counts. */
  readonly starts: number;
}
const FULL: Effort = { steadySeconds: 180, offlineSeconds: 180, busySeconds: 20, latencyRounds: 5, starts: 3 };
const QUICK: Effort = { steadySeconds: 10, offlineSeconds: 10, busySeconds: 4, latencyRounds: 1, starts: 1 };

/** Until engines are warm and the first commits are made. */
const SETTLE_MS = 4_000;
const RECORDING_S = 200_000;
const RAW_CALLS = 5_000;
/** The compiler is done with the pipeline within the first thousands, as raw onnxruntime warms up before it is timed. */
const WINDOWS = 20_000;
const WAIT_MS = 30_000;
/** For as many windows as a busy machine makes of them in its own time. */
const MANY_WINDOWS_MS = 180_000;
/** Whoever asks more often is work for the agent that is measured. */
const POLL_MS = 100;
const SENSOR = 'pump';

class EdgeBench {
  readonly faults: string[] = [];
  readonly #effort: Effort;
  readonly #log: BenchOptions['log'];
  readonly #folder: string;
  readonly #server: ServerProgram;
  readonly #agents: PackedAgent[] = [];

  constructor({ quick, log }: BenchOptions) {
    this.#effort = quick ? QUICK : FULL;
    this.#log = log;
    // Not in the folder for temporary files, which may be memory: what is written shall be counted.
    mkdirSync(join(ROOT, '.shoal'), { recursive: true });
    this.#folder = mkdtempSync(join(ROOT, '.shoal', 'bench-edge-'));
    this.#server = new ServerProgram(join(this.#folder, 'server'));
  }

  async run(): Promise<BenchResult['figures']> {
    this.#log('packing the agent, and unpacking it beside a real server');
    const launcher = await unpackedAgent(this.#folder);
    await this.#server.start();
    const manifest = await firstManifest();
    const second = await secondModel(this.#folder);
    const big = await bigModel(this.#folder);
    const recording = join(this.#folder, 'pump.csv');
    await writeRecording(recording, manifest, RECORDING_S);
    const starts = await this.#starts(launcher, manifest);
    const latency = await this.#latency(launcher, manifest, recording);
    const busy = await this.#busy(launcher, big, recording);
    const two = await this.#twoModels(launcher, manifest, second.bundle);
    return {
      added_ms_p50: latency.pipeline - latency.raw,
      raw_p50_ms: latency.raw,
      pipeline_p50_ms: latency.pipeline,
      pipeline_p99_ms: latency.pipelineP99,
      loop_p99_ms: busy.loopP99,
      loop_max_ms: busy.loopMax,
      busy_model_mb: modelBytes(big) / 1e6,
      busy_inferences_per_s: busy.perSecond,
      pss_mb: starts.pss,
      pss_two_engines_mb: two.pss,
      second_model: second.about,
      first_prediction_s: starts.firstPredictionS,
      cpu_pct: two.online.cpuPct,
      cpu_offline_pct: two.offline.cpuPct,
      wake_ups_per_s: two.online.wakeUpsPerSecond,
      disk_mb_h: isOnDisk(this.#folder) ? two.online.diskMbPerHour : null,
      disk_offline_mb_h: isOnDisk(this.#folder) ? two.offline.diskMbPerHour : null,
      seconds: this.#effort.steadySeconds,
    };
  }

  async dispose(): Promise<void> {
    for (const agent of this.#agents) await agent.kill();
    await this.#server.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #agent(name: string, launcher: string, config: object): PackedAgent {
    const fleet = { port: this.#server.mqttPort, reconnectFirstMs: 100, reconnectMaxMs: 1_000 };
    const agent = new PackedAgent(launcher, join(this.#folder, name), { deviceId: `edge-${name}`, fleet, ...config });
    this.#agents.push(agent);
    return agent;
  }

  #live(name: string, launcher: string, bundles: readonly string[]): PackedAgent {
    const sensors = [{ type: 'json-lines', name: SENSOR }];
    return this.#agent(name, launcher, { sensors, models: bundles.map((bundle) => ({ bundle })) });
  }

  /** As fast as the model goes, one window waiting behind the one it works on; readings are not what is measured. */
  #replaying(name: string, launcher: string, bundle: string, file: string): PackedAgent {
    const sensors = [{ type: 'replay', name: SENSOR, file, speed: 1e9 }];
    const publish = { everyNthReading: 100_000 };
    return this.#agent(name, launcher, {
      sensors,
      models: [{ bundle, maxQueuedWindows: 1 }],
      publish,
      watchLoop: true,
    });
  }

  /** Waits for what it will say; the last status when it does not in time, which is a fault. */
  async #until(
    agent: PackedAgent,
    what: string,
    holds: (status: EdgeStatus) => boolean,
    waitMs = WAIT_MS,
  ): Promise<EdgeStatus> {
    for (const giveUpAt = performance.now() + waitMs; ; await pause(POLL_MS)) {
      const status = await agent.status();
      if (holds(status)) return status;
      if (performance.now() < giveUpAt) continue;
      this.faults.push(`${what} did not happen within ${waitMs / 1_000} s: ${JSON.stringify(status.models)}`);
      return status;
    }
  }

  /** From the start of the process to its first prediction, over a sensor that has a full window to tell; then memory with one model. */
  async #starts(launcher: string, manifest: WindowedManifest): Promise<{ firstPredictionS: number; pss: number }> {
    const seconds: number[] = [];
    let pss = 0;
    for (let round = 1; round <= this.#effort.starts; round += 1) {
      const agent = this.#live(`start-${round}`, launcher, [FIRST_MODEL]);
      const feeding = new AbortController();
      await agent.start(oneHertz(manifest, feeding.signal));
      await this.#until(agent, 'a first prediction', ({ models }) => (models[0]?.inference.predictions ?? 0) > 0);
      seconds.push(agent.ageMs / 1_000);
      this.#log(`start ${round}: first prediction after ${agent.ageMs.toFixed(0)} ms`);
      if (round === this.#effort.starts) {
        await this.#until(
          agent,
          'a connection',
          ({ uplink, outbox }) => uplink.state === 'connected' && outbox.depth === 0,
        );
        await pause(SETTLE_MS);
        pss = pssMb(agent.pid);
      }
      feeding.abort();
      await agent.kill('SIGTERM');
    }
    return { firstPredictionS: median(seconds), pss };
  }

  /** The pipeline of the real agent and onnxruntime alone, in turn, each back to back. */
  async #latency(launcher: string, manifest: WindowedManifest, recording: string) {
    const order: RawOrder = {
      model: await firstModelFile(),
      input: manifest.signature.inputs[0]?.name ?? '',
      width: manifest.signature.inputs[0]?.shape.at(-1) ?? 1,
      calls: RAW_CALLS,
    };
    const bundle = await everySample(this.#folder);
    const rounds: { raw: number; pipeline: number; p99: number }[] = [];
    for (let round = 1; round <= this.#effort.latencyRounds; round += 1) {
      const child = new BenchChild('../edge/raw-onnxruntime');
      const { p50: raw } = await child.ask<{ p50: number }>(order);
      await child.end();
      const agent = this.#replaying(`latency-${round}`, launcher, bundle, recording);
      await agent.start();
      const enough = ({ models }: EdgeStatus): boolean => (models[0]?.inference.predictions ?? 0) >= WINDOWS;
      const many = `a prediction for each of ${WINDOWS} windows`;
      const [model] = (await this.#until(agent, many, enough, MANY_WINDOWS_MS)).models;
      await agent.kill();
      const { p50: pipeline = Number.NaN, p99 = Number.NaN } = model?.inference.pipelineMs ?? {};
      this.#checkModel('the latency run', model);
      rounds.push({ raw, pipeline, p99 });
      this.#log(`round ${round}: onnxruntime ${raw.toFixed(3)} ms, pipeline ${pipeline.toFixed(3)} ms (p50)`);
    }
    return {
      raw: median(rounds.map(({ raw }) => raw)),
      pipeline: median(rounds.map(({ pipeline }) => pipeline)),
      pipelineP99: median(rounds.map(({ p99 }) => p99)),
    };
  }

  /** A large model without pause: the agent's own loop must not notice. */
  async #busy(launcher: string, bundle: string, recording: string) {
    const agent = this.#replaying('busy', launcher, bundle, recording);
    await agent.start();
    const first = await this.#until(
      agent,
      'a busy model',
      ({ models }) => (models[0]?.inference.predictions ?? 0) > 20,
    );
    const startedAt = performance.now();
    await pause(this.#effort.busySeconds * 1_000);
    const last = await agent.status();
    const elapsedS = (performance.now() - startedAt) / 1_000;
    await agent.kill();
    const [model] = last.models;
    this.#checkModel('the busy run', model);
    const made = (model?.inference.predictions ?? 0) - (first.models[0]?.inference.predictions ?? 0);
    const { p99 = Number.NaN, max = Number.NaN } = last.process.loopDelayMs ?? {};
    return { loopP99: p99, loopMax: max, perSecond: made / elapsedS };
  }

  async #twoModels(launcher: string, manifest: WindowedManifest, second: string) {
    const agent = this.#live('steady', launcher, [FIRST_MODEL, second]);
    const feeding = new AbortController();
    await agent.start(oneHertz(manifest, feeding.signal));
    await this.#until(
      agent,
      'a prediction of both models',
      ({ models }) => models.length === 2 && models.every(({ inference }) => inference.predictions > 0),
    );
    await this.#until(
      agent,
      'a drained outbox',
      ({ uplink, outbox }) => uplink.state === 'connected' && outbox.depth === 0,
    );
    await pause(SETTLE_MS);
    const { steadySeconds, offlineSeconds } = this.#effort;
    this.#log(`steady for ${steadySeconds} s, connected`);
    const online: Steady = await measureSteady(agent, steadySeconds);
    const pss = pssMb(agent.pid);
    await this.#server.kill();
    this.#log(`steady for ${offlineSeconds} s, without a server`);
    const offline = await measureSteady(agent, offlineSeconds);
    for (const model of (await agent.status()).models) this.#checkModel('the steady run', model);
    feeding.abort();
    await agent.kill('SIGTERM');
    return { pss, online, offline };
  }

  #checkModel(run: string, model: EdgeStatus['models'][number] | undefined): void {
    if (model === undefined || model.inference.predictions === 0) this.faults.push(`${run} made no prediction`);
    if (Object.keys(model?.inference.failed ?? {}).length > 0 || (model?.inference.dropped ?? 0) > 0)
      this.faults.push(`${run} left windows unanswered: ${JSON.stringify(model?.inference)}`);
  }
}

const run = async (options: BenchOptions): Promise<BenchResult> => {
  const edge = new EdgeBench(options);
  try {
    const figures = await edge.run();
    return { figures, faults: edge.faults };
  } finally {
    await edge.dispose();
  }
};

export const bench: Bench = {
  name: 'edge',
  about: 'the packed agent on this machine: latency, memory, processor, flash, start',
  run,
};
