/** Decides what `npm start` runs, on which ports and in which folder, and turns every error into a sentence and an exit code. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isSimulatorError, type SimulatorErrorCode } from '../errors.ts';
import { HELP, readOptions, type StartOptions } from './options.ts';
import { assertPortFree } from './ports.ts';
import { runFleet } from './run-fleet.ts';
import { runNight } from './run-night.ts';
import { runReplay } from './run-replay.ts';
import type { RunSurroundings } from './run-surroundings.ts';
import type { Terminal } from './terminal.ts';

export interface StartSurroundings {
  readonly terminal: Terminal;
  readonly environment: NodeJS.ProcessEnv;
  /** Where the default data folder lies. */
  readonly rootFolder: string;
  readonly signal: AbortSignal;
}

const MISUSED = 2;
const FAILED = 1;
const CALLERS_FAULT: ReadonlySet<SimulatorErrorCode> = new Set([
  'OPTION_INVALID',
  'SCENARIO_INVALID',
  'REPLAY_MISSING',
  'REPLAY_EMPTY',
  'REPLAY_UNREADABLE',
]);
const DEFAULT_FOLDER = '.shoal';
/** Begun anew each time: nights of the future would be in the way of the days that come. */
const NIGHTS_FOLDER = '.shoal/nights';
/** What a run makes in its data folder, and `--fresh` removes; nothing else of the folder is touched. */
const OWN_FOLDERS = ['server', 'agents', 'reports'];

const portsOf = async (options: StartOptions): Promise<RunSurroundings['ports']> => {
  const nobodyNeedsToKnow = options.replay !== undefined && options['exit-after-replay'];
  const mqttPort = options['mqtt-port'] ?? (nobodyNeedsToKnow ? 0 : 1883);
  const httpPort = options['http-port'] ?? (nobodyNeedsToKnow ? 0 : 8080);
  await assertPortFree(mqttPort, 'MQTT', '--mqtt-port');
  await assertPortFree(httpPort, 'HTTP', '--http-port');
  return { mqttPort, httpPort };
};

const run = async (options: StartOptions, around: StartSurroundings): Promise<number> => {
  const ports = await portsOf(options);
  const isTemporary = options.replay !== undefined && options['data-dir'] === undefined;
  const dataDir = isTemporary
    ? mkdtempSync(join(tmpdir(), 'shoal-replay-'))
    : resolve(options['data-dir'] ?? join(around.rootFolder, options.night ? NIGHTS_FOLDER : DEFAULT_FOLDER));
  mkdirSync(dataDir, { recursive: true });
  if (options.fresh || options.night)
    for (const folder of OWN_FOLDERS) rmSync(join(dataDir, folder), { recursive: true, force: true });
  const surroundings = { ...around, dataDir, ports };
  try {
    if (options.night) return await runNight(options, surroundings);
    return options.replay === undefined
      ? await runFleet(options, surroundings)
      : await runReplay(options.replay, options, surroundings);
  } finally {
    if (isTemporary) rmSync(dataDir, { recursive: true, force: true });
  }
};

/** @returns the exit code: 0 well, 1 failed or the ledger disagrees, 2 used wrongly, 130 broken off in a replay */
export const start = async (argv: readonly string[], around: StartSurroundings): Promise<number> => {
  try {
    const options = readOptions(argv);
    if (options.help) {
      around.terminal.print(HELP);
      return 0;
    }
    return await run(options, around);
  } catch (error) {
    if (!isSimulatorError(error)) throw error;
    around.terminal.say(`${error.code}: ${error.message}`);
    return CALLERS_FAULT.has(error.code) ? MISUSED : FAILED;
  }
};
