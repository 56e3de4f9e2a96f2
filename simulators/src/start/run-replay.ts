/** `npm start -- --replay`: the server, one full agent per recording, and the ledger at the end. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { pumpModelManifest, PUMP_MODEL } from '../full-agent-config.ts';
import { readRecordings, type Recording } from '../replay/recordings.ts';
import { missingChannels, ReplayedDevice, type ReplayOutcome, type ReplayPlace } from '../replay/replayed-device.ts';
import { replayReport } from '../replay/replay-report.ts';
import { seededRandom } from '../seeded-random.ts';
import { Testbed } from '../testbed.ts';
import type { StartOptions } from './options.ts';
import type { RunSurroundings } from './run-surroundings.ts';
import type { Terminal } from './terminal.ts';
import { welcome } from './welcome.ts';
import { whileServed } from './while-served.ts';

const AGENTS_AT_A_TIME = 16;
const PROGRESS_EVERY_MS = 2_000;

const introduce = (recordings: readonly Recording[], place: ReplayPlace, terminal: Terminal): void => {
  for (const recording of recordings) {
    const missing = missingChannels(recording, place.view);
    if (missing.length === 0) continue;
    const lacks = missing.length === place.view.channels.length ? 'every channel' : missing.join(', ');
    terminal.say(`${recording.deviceId}: readings only, ${PUMP_MODEL} needs ${lacks} that the file does not have.`);
  }
};

const progressOf = (devices: readonly ReplayedDevice[], recordings: readonly Recording[]): string => {
  const all = recordings.reduce((sum, { rows }) => sum + rows.length, 0);
  const seen = devices.map(({ progress }) => progress);
  const total = (pick: (progress: (typeof seen)[number]) => number): number =>
    seen.reduce((sum, progress) => sum + pick(progress), 0);
  return `rows ${total(({ rows }) => rows)} of ${all}, predictions ${total(({ predictions }) => predictions)}, waiting to be stored ${total(({ waiting }) => waiting)}`;
};

const tellProgress = async (line: () => string, terminal: Terminal, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    terminal.progress(line());
    const everyMs = terminal.isTalkLive ? PROGRESS_EVERY_MS / 10 : PROGRESS_EVERY_MS;
    await pause(everyMs, undefined, { signal }).catch(() => undefined);
  }
  terminal.progress(line());
  terminal.endProgress();
};

/** Replays all recordings, so many at a time, in order. @returns those that were replayed */
const replayAll = async (
  recordings: readonly Recording[],
  place: ReplayPlace,
  around: Pick<RunSurroundings, 'terminal' | 'signal'> & { readonly atATime: number },
): Promise<readonly ReplayedDevice[]> => {
  const { terminal, signal, atATime } = around;
  const devices: ReplayedDevice[] = [];
  const waiting = recordings.entries();
  const work = async (): Promise<void> => {
    for (const [index, recording] of waiting) {
      if (signal.aborted) return;
      const device = new ReplayedDevice(recording, place);
      devices[index] = device;
      await device.run(signal);
    }
  };
  const ended = new AbortController();
  const telling = tellProgress(() => progressOf(devices.filter(Boolean), recordings), terminal, ended.signal);
  try {
    await Promise.all(Array.from({ length: Math.min(atATime, recordings.length) }, work));
  } finally {
    ended.abort();
    await telling;
  }
  return devices.filter(Boolean);
};

/** @returns the exit code: 1 when ledger and server disagree, 130 when it was broken off */
export const runReplay = async (path: string, options: StartOptions, around: RunSurroundings): Promise<number> => {
  const { terminal, dataDir, environment, ports, signal } = around;
  const { recordings, unreadable } = await readRecordings(path);
  const { window: view } = await pumpModelManifest();
  const bed = new Testbed({
    dataDir: `${dataDir}/server`,
    ...ports,
    environment,
    random: seededRandom('replay'),
    badNetwork: false,
  });
  const places = { ...(await bed.start()), dataDir };
  try {
    const { speed } = options;
    const place = { host: '127.0.0.1', port: bed.devicePort, dataDir: `${dataDir}/agents`, speed, view };
    terminal.say(welcome(places));
    introduce(recordings, place, terminal);
    const atATime = options.full === undefined || options.full === 0 ? AGENTS_AT_A_TIME : options.full;
    const devices = await whileServed(bed, around, (running) =>
      replayAll(recordings, place, { terminal, signal: running, atATime }),
    );
    if (signal.aborted) return 130;
    const outcomes: ReplayOutcome[] = [];
    for (const device of devices) outcomes.push(await device.outcome(bed.httpUrl));
    const report = replayReport(outcomes, unreadable);
    terminal.print(report.text);
    if (options.json) terminal.print(JSON.stringify(report.json));
    if (!options['exit-after-replay']) {
      terminal.say('The server goes on with what was replayed; Ctrl-C ends it.');
      await once(signal, 'abort');
    }
    return report.agrees ? 0 : 1;
  } finally {
    await bed.stop();
  }
};
