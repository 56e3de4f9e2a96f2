/** The score runner in a process of its own for each run: between the nights it costs nothing, and all it took goes with it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { boundCommand } from '@shoal/models';
import type { Logger } from 'pino';
import { FleetError } from '../../../errors.ts';
import { ScoreRunner, type EntityOrigin, type RunEnd, type RunOrder } from '../../../ports/score-runner.ts';
import { ThreadError, ThreadLink } from '../sqlite-telemetry/thread-link.ts';
import { asStoreError } from '../store-errors.ts';
import type { CountThreadData, CountThreadJobs } from './count-thread.ts';
import type { RunnerErrand, RunnerFiles, RunnerReport } from './process-messages.ts';

interface RunnerData extends RunnerFiles {
  readonly niceness: number;
  readonly version: string;
}

const fromSource = import.meta.url.endsWith('.ts');
const entry = (name: string): URL => new URL(`./${name}${fromSource ? '.ts' : '.js'}`, import.meta.url);
/** Before everything else when memory runs out: what is committed stays, and the rest is done again. */
const OOM_SCORE = 900;
/** Who steps back as far as there is goes on only when nobody else wants the processor. */
const LOWEST_NICENESS = 19;
/** Rows pass through and are gone: a large young generation would only be memory. The old one has room for a file of which every row is refused. */
const NODE_FLAGS = ['--max-semi-space-size=1', '--max-old-space-size=1024', '--disable-warning=ExperimentalWarning'];
/** A process that does not end its chunk by then is ended as it is. */
const CLOSE_WITHIN_MS = 10_000;
const STDERR_CHARACTERS = 2_000;
/** It needs no secret of its parent; malloc keeps every arena it ever grew unless told otherwise. */
const ENVIRONMENT = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  ORT_DISABLE_TELEMETRY: '1',
  MALLOC_ARENA_MAX: '2',
};

const start = (niceness: number): ChildProcess => {
  const conditions = fromSource ? ['--conditions=source'] : [];
  const command = [process.execPath, ...NODE_FLAGS, ...conditions, fileURLToPath(entry('run-process'))];
  const bounds = { cap: 'none', oomScore: OOM_SCORE, niceness, isIdle: niceness === LOWEST_NICENESS };
  return spawn('/bin/sh', boundCommand(bounds, command), {
    env: ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
  });
};

/** @throws Error when the process ends without a report */
const reportOf = (child: ChildProcess): Promise<RunnerReport> =>
  new Promise((resolve, reject) => {
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_CHARACTERS);
    });
    child.once('message', (report) => resolve(report as RunnerReport));
    child.once('error', reject);
    child.once('close', (code, signal) =>
      reject(new Error(`the process that scores ended (${signal ?? `exit ${code}`}) ${stderr}`.trimEnd())),
    );
  });

export class ProcessScoreRunner extends ScoreRunner {
  readonly #data: RunnerData;
  readonly #log: Logger;
  readonly #children = new Set<ChildProcess>();

  constructor(data: RunnerData, log: Logger) {
    super();
    this.#data = data;
    this.#log = log;
  }

  override async stop(): Promise<void> {
    await Promise.all([...this.#children].map((child) => ended(child)));
  }

  override async run(order: RunOrder): Promise<RunEnd> {
    const { niceness, ...rest } = this.#data;
    const child = start(niceness);
    this.#children.add(child);
    try {
      const reported = reportOf(child);
      child.send({ order, ...rest } satisfies RunnerErrand, () => undefined);
      const report = await reported;
      if ('end' in report) return report.end;
      throw new ThreadError(report.fault);
    } catch (cause) {
      throw lost(cause);
    } finally {
      await ended(child);
      this.#children.delete(child);
    }
  }

  override async count(origin: Exclude<EntityOrigin, { kind: 'listed' }>): Promise<number> {
    const link = new ThreadLink<CountThreadJobs>(entry('count-thread'), {
      onQuarantine: () => undefined,
      onDeath: (error) => this.#log.error({ err: error }, 'the thread that counts entities ended'),
    });
    try {
      await link.start({ featuresFile: this.#data.featuresFile } satisfies CountThreadData);
      return await link.ask('count', origin);
    } catch (cause) {
      throw lost(cause);
    } finally {
      await link.stop();
    }
  }
}

/** After the chunk under way, or as it is. */
const ended = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  const patience = setTimeout(() => child.kill('SIGKILL'), CLOSE_WITHIN_MS);
  if (child.connected) child.send({}, () => undefined);
  await closed;
  clearTimeout(patience);
};

const lost = (cause: unknown): FleetError =>
  cause instanceof FleetError ? cause : asStoreError('SCORING_RUNNER_LOST', 'The score runner', cause);
