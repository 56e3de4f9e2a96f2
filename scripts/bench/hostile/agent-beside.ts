/** One real agent with a tame model and whatever else it is given, over a sensor whose samples are on record. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { withCrashCopy } from '../kill/database/crash-copy.ts';
import { readOutboxCopy } from '../kill/agent/outbox-copy.ts';
import { Program } from '../kill/processes/program.ts';
import { agentCommand } from '../kill/processes/project-programs.ts';
import { siblingProgram } from '../kill/processes/sibling-program.ts';

const statusSchema = z.object({
  pid: z.int(),
  sensors: z.array(z.object({ samples: z.int() })),
  models: z.array(
    z.object({
      model: z.object({ name: z.string() }),
      status: z.string(),
      reason: z.string().nullable(),
      inference: z.object({ queued: z.int(), dropped: z.int(), failed: z.record(z.string(), z.int()) }),
    }),
  ),
});
export type BesideStatus = z.infer<typeof statusSchema>;

/** Only predictions have both. */
const predictionSchema = z.object({
  model: z.object({ name: z.string() }),
  window: z.object({ startAt: z.int() }),
});

const loopSchema = z.object({ delayP99Ms: z.number(), busyP99Ms: z.number(), busyMaxMs: z.number() });
/** As `loop-monitor.ts` writes it. */
export type LoopFigures = z.infer<typeof loopSchema>;

/** What one run left. */
export interface BesideRun {
  /** 1 when the process ended before it was told to, or answered as another one. */
  readonly deaths: number;
  /** As it was before the stop. */
  readonly status: BesideStatus | undefined;
  /** When each sample was observed, as the sensor noted it. */
  readonly stampsMs: readonly number[];
  /** Starts of the windows each model answered, by its name. */
  readonly predicted: ReadonlyMap<string, readonly number[]>;
  readonly loop: LoopFigures | null;
  /** Models that were neither found good nor bad in the time they were given. */
  readonly unsettled: readonly string[];
  readonly logTail: readonly string[];
}

export interface BesideOptions {
  readonly folder: string;
  /** Kept over runs: what an agent knows of its models lies there. */
  readonly dataDir: string;
  /** In the order they are configured. */
  readonly bundles: readonly string[];
  /** Names of the models whose answers count. */
  readonly tame: readonly string[];
  /** Taken after every model has been found good or bad, or `settleMs` are over: the time they live side by side. */
  readonly samples: number;
  readonly settleMs: number;
  readonly everyMs: number;
  readonly patienceMs: number;
}

const POLL_MS = 250;
/**
 * Tighter than the defaults, so that the bench ends, and so that one whole hang costs whoever has to wait for it a window: an agent
 * whose models all share one fate fails here.
 */
const INFERENCE = { deadlineMs: 6_000, hardLimitMs: 9_000 };

interface SensorFiles {
  readonly truth: string;
  readonly stop: string;
}

const stampsIn = (truthFile: string): number[] => readFileSync(truthFile, 'utf8').split('\n').slice(0, -1).map(Number);

const fetchStatus = async (localUrl: string): Promise<BesideStatus> => {
  const response = await fetch(new URL('/status', localUrl), { signal: AbortSignal.timeout(10_000) });
  return statusSchema.parse(await response.json());
};

const configure = ({ folder, dataDir, bundles, everyMs }: BesideOptions, files: SensorFiles): string => {
  const { file, execArgv } = siblingProgram(import.meta.url, './counting-sensor');
  const config = {
    deviceId: 'beside',
    dataDir,
    logLevel: 'warn',
    // Nobody listens there: everything stays in the outbox, where it is counted.
    fleet: { port: 9, reconnectFirstMs: 10_000, reconnectMaxMs: 60_000 },
    sensors: [
      {
        type: 'json-lines',
        name: 'steady',
        command: process.execPath,
        args: [...execArgv, file, files.truth, files.stop, String(everyMs)],
        silenceMs: null,
      },
    ],
    models: bundles.map((bundle) => ({ bundle })),
    inference: INFERENCE,
    localApi: { host: '127.0.0.1', port: 0 },
  };
  mkdirSync(dataDir, { recursive: true });
  const configFile = join(folder, 'agent.json');
  writeFileSync(configFile, JSON.stringify(config));
  return configFile;
};

const predictionsIn = (dataDir: string): ReadonlyMap<string, readonly number[]> => {
  const found = new Map<string, number[]>();
  for (const { body } of withCrashCopy(dataDir, readOutboxCopy)?.waiting ?? []) {
    const prediction = predictionSchema.safeParse(JSON.parse(body));
    if (!prediction.success) continue;
    const { model, window } = prediction.data;
    found.set(model.name, [...(found.get(model.name) ?? []), window.startAt]);
  }
  return found;
};

/** Whether the sensor has said everything, and the tame models have taken it. */
const isDone = (status: BesideStatus, files: SensorFiles, tame: readonly string[]): boolean =>
  existsSync(files.stop) &&
  status.sensors.every(({ samples }) => samples >= stampsIn(files.truth).length) &&
  status.models.every(({ model, inference }) => !tame.includes(model.name) || inference.queued === 0);

/** Ends the sensor once the models have lived side by side for long enough. */
class SensorEnd {
  readonly #files: SensorFiles;
  readonly #samples: number;
  readonly #settleBy: number;
  readonly #settled = new Set<string>();
  #enough = Infinity;

  constructor(files: SensorFiles, { samples, settleMs }: Pick<BesideOptions, 'samples' | 'settleMs'>) {
    this.#files = files;
    this.#samples = samples;
    this.#settleBy = Date.now() + settleMs;
  }

  follow({ models }: BesideStatus): void {
    for (const { model, status } of models) if (status !== 'loading') this.#settled.add(model.name);
    if (this.#settled.size < models.length && Date.now() < this.#settleBy) return;
    const taken = stampsIn(this.#files.truth).length;
    this.#enough = Math.min(this.#enough, taken + this.#samples);
    if (taken >= this.#enough) writeFileSync(this.#files.stop, '');
  }

  unsettled(status: BesideStatus | undefined): string[] {
    return (status?.models ?? []).map(({ model }) => model.name).filter((name) => !this.#settled.has(name));
  }
}

/** Runs until every model has been found good or bad, has lived on for `samples`, and the tame ones are done; or patience ends. */
export const runBeside = async (options: BesideOptions): Promise<BesideRun> => {
  const files = { truth: join(options.folder, 'truth'), stop: join(options.folder, 'stop') };
  const loopFile = join(options.folder, 'loop');
  writeFileSync(files.truth, '');
  rmSync(files.stop, { force: true });
  const command = agentCommand(configure(options, files));
  const monitor = siblingProgram(import.meta.url, './loop-monitor');
  const args = [`LOOP_MONITOR_FILE=${loopFile}`, command.file, ...monitor.execArgv, '--import', monitor.file];
  const program = new Program({ ...command, file: '/usr/bin/env', args: [...args, ...command.args] });
  const ready = await program.start();
  const endAt = Date.now() + options.patienceMs;
  const end = new SensorEnd(files, options);
  let status: BesideStatus | undefined;
  let strangers = 0;
  while (program.isRunning && Date.now() < endAt) {
    status = await fetchStatus(String(ready['localUrl'])).catch(() => status);
    if (status !== undefined) {
      if (status.pid !== ready.pid) strangers += 1;
      end.follow(status);
      if (isDone(status, files, options.tame)) break;
    }
    await pause(POLL_MS);
  }
  const died = !program.isRunning || strangers > 0;
  if (program.isRunning) await program.stop();
  return {
    deaths: died ? 1 : 0,
    status,
    stampsMs: stampsIn(files.truth),
    predicted: predictionsIn(options.dataDir),
    loop: existsSync(loopFile) ? loopSchema.parse(JSON.parse(readFileSync(loopFile, 'utf8'))) : null,
    unsettled: end.unsettled(status),
    logTail: program.logTail,
  };
};
