/** Runs a server under strace and load, and judges every acknowledgement that left it. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { OpenRecords } from '../database/stored-records.ts';
import { FIRST_MESSAGE_ID } from '../load/load-connection.ts';
import type { ConnectionLog } from '../load/load-device.ts';
import { LoadGenerator } from '../load/load-generator.ts';
import type { LoadPlan } from '../load/load-messages.ts';
import { loadDeviceId, sequencesOf, loadEpoch } from '../load/load-records.ts';
import { Program, type ProgramCommand } from '../processes/program.ts';
import { traced } from '../processes/tracer.ts';
import { checkDurability, type DurabilityVerdict, type Promised } from '../trace/durability-check.ts';
import { PUBACK, sentPackets } from '../trace/mqtt-stream.ts';
import { readTraceLog, type TraceLog } from '../trace/trace-log.ts';

export interface WatchOptions {
  /** The server's command for a data folder; its ready line names `mqttUrl`. */
  readonly command: (dataDir: string) => ProgramCommand;
  readonly open: OpenRecords;
  readonly load: Omit<LoadPlan, 'port'>;
  /** Acknowledged messages to wait for. */
  readonly messages: number;
  readonly lossPoints: number;
  readonly random: () => number;
}

export interface WatchVerdict extends DurabilityVerdict {
  /** Acknowledgements that devices received and the trace does not show: the check would have been blind to them. */
  readonly unseen: number;
  readonly unwatched: readonly string[];
  /** Times that a database file itself was synced under load: its log was folded into it. */
  readonly checkpoints: number;
}

const WAIT_MS = 120_000;

/** Stops the server by SIGKILL: its trace ends in the middle of work. */
export const watchAcknowledgements = async (options: WatchOptions): Promise<WatchVerdict> => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-watch-'));
  try {
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir);
    const logFile = join(folder, 'trace.log');
    const program = new Program(traced(options.command(dataDir), logFile));
    const ready = await program.start();
    const port = Number(new URL(String(ready['mqttUrl'])).port);
    const { connections, acknowledged } = await loadUntilKilled(program, options, port);
    const log = await readTraceLog(logFile, dataDir);
    const promises = promisesOf(log, connections, { port, seed: options.load.seed });
    const { open, lossPoints, random } = options;
    const verdict = checkDurability({ log, folder: dataDir, promises, open, lossPoints, random });
    return {
      ...verdict,
      unseen: Math.max(0, acknowledged - promises.length),
      unwatched: log.unwatched,
      checkpoints: checkpointsIn(log, promises),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const checkpointsIn = ({ disk }: TraceLog, [first]: readonly Promised[]): number =>
  disk.filter(
    ({ kind, path, startedAt }) => kind === 'sync' && path.endsWith('.db') && startedAt > (first?.startedAt ?? 0),
  ).length;

interface LoadOutcome {
  readonly connections: readonly ConnectionLog[];
  readonly acknowledged: number;
}

const loadUntilKilled = async (
  program: Program,
  { load, messages }: WatchOptions,
  port: number,
): Promise<LoadOutcome> => {
  const generator = await LoadGenerator.start({ ...load, port });
  try {
    let acknowledged = 0;
    const count = async (): Promise<void> => {
      const { acknowledged: lists } = await generator.report();
      acknowledged += lists.reduce((sum, list) => sum + list.length, 0);
    };
    for (const deadline = Date.now() + WAIT_MS; acknowledged < messages && Date.now() < deadline;) {
      await pause(50);
      await count();
    }
    await program.kill();
    await count();
    return { connections: await generator.connections(), acknowledged };
  } finally {
    await program.kill();
    await generator.stop();
  }
};

/** Every PUBACK of a record message, with the records it stands for. */
const promisesOf = (
  log: TraceLog,
  connections: readonly ConnectionLog[],
  { port, seed }: { readonly port: number; readonly seed: string },
): Promised[] => {
  const byPort = new Map(connections.map((connection) => [connection.localPort, connection]));
  return sentPackets(log.sent, ({ localPort }) => localPort === port)
    .filter(({ type }) => type === PUBACK)
    .flatMap(({ startedAt, remotePort, body }) => {
      const connection = byPort.get(remotePort);
      const message = connection?.messages[body.readUInt16BE(0) - FIRST_MESSAGE_ID];
      if (connection === undefined || message === undefined) return [];
      const { device } = connection;
      return [
        { startedAt, deviceId: loadDeviceId(device), epoch: loadEpoch(seed, device), sequences: sequencesOf(message) },
      ];
    });
};
