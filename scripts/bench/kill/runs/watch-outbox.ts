/** Runs an agent under strace against a real server, and judges everything that left it before its outbox had it on disk. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { decodeBatch, parseTopic } from '@shoal/protocol';
import { AgentUnderFire } from '../agent/agent-under-fire.ts';
import { readArrivals } from '../agent/arrivals.ts';
import { readOutboxCopy } from '../agent/outbox-copy.ts';
import type { OpenRecords } from '../database/stored-records.ts';
import { ServerProgram } from '../processes/server-program.ts';
import { traced } from '../processes/tracer.ts';
import { checkDurability, type DurabilityVerdict, type Promised } from '../trace/durability-check.ts';
import { PUBLISH, sentPackets, type SentPacket } from '../trace/mqtt-stream.ts';
import { readTraceLog, type TraceLog } from '../trace/trace-log.ts';

export interface WatchOutboxOptions {
  readonly durationMs: number;
  readonly lossPoints: number;
  readonly random: () => number;
}

export interface WatchOutboxVerdict extends DurabilityVerdict {
  /** Messages with a sequence not above the one before of the same connection, class and lane. */
  readonly orderViolations: number;
  /** Times that the agent said on its own API how far it had committed; promises as well. */
  readonly claims: number;
  readonly unwatched: readonly string[];
}

const DEVICE_ID = 'watched-agent';

export const watchOutbox = async (options: WatchOutboxOptions): Promise<WatchOutboxVerdict> => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-watch-'));
  const server = new ServerProgram(join(folder, 'server'));
  const logFile = join(folder, 'trace.log');
  mkdirSync(join(folder, 'agent'));
  try {
    await server.start();
    const agent = new AgentUnderFire({
      folder: join(folder, 'agent'),
      deviceId: DEVICE_ID,
      fleetPort: server.mqttPort,
      wrap: (command) => traced(command, logFile),
    });
    await runAgent(agent, options.durationMs);
    const { localPort } = agent;
    if (!(await agent.drain())) throw new Error(`The watched agent did not drain: ${agent.logTail.at(-1)}`);
    const arrived = await readArrivals(server.httpUrl, server.dataDir, DEVICE_ID);
    const log = await readTraceLog(logFile, agent.dataDir);
    const sent = messagesOf(log, server.mqttPort);
    const claims = claimsOf(log, localPort);
    const verdict = checkDurability({
      log,
      folder: agent.dataDir,
      promises: [...sent, ...claims].toSorted((a, b) => a.startedAt - b.startedAt),
      open: openOutbox(new Set(arrived.map(({ sequence }) => sequence))),
      lossPoints: options.lossPoints,
      random: options.random,
    });
    return { ...verdict, orderViolations: misordered(sent), claims: claims.length, unwatched: log.unwatched };
  } finally {
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Asks it now and then how far it is, and kills it in the middle of work. */
const runAgent = async (agent: AgentUnderFire, durationMs: number): Promise<void> => {
  try {
    await agent.start();
    for (const end = Date.now() + durationMs; Date.now() < end; await pause(100)) await agent.sight();
  } finally {
    await agent.kill();
  }
};

/** A record is safe while it waits in the file, or when it has gone from there because the server has it. */
const openOutbox =
  (arrived: ReadonlySet<number>): OpenRecords =>
  (folder) => {
    const copy = readOutboxCopy(folder);
    if (copy === undefined) return undefined;
    const waiting = new Set(copy.waiting.map(({ sequence }) => sequence));
    const isSafe = (sequence: number): boolean =>
      waiting.has(sequence) || (sequence <= copy.acceptedThrough && arrived.has(sequence));
    return {
      faults: () => copy.faults,
      rows: () => copy.waiting.length,
      copiesOf: (_, epoch, sequence) => (epoch === copy.epoch && isSafe(sequence) ? 1 : 0),
      close: () => undefined,
    };
  };

interface SentMessage extends Promised {
  readonly stream: string;
}

const messagesOf = (log: TraceLog, fleetPort: number): SentMessage[] =>
  sentPackets(log.sent, ({ remotePort }) => remotePort === fleetPort)
    .filter(({ type }) => type === PUBLISH)
    .flatMap(recordsIn);

/** [MQTT-3.3.2]: topic name, packet identifier, payload. */
const recordsIn = ({ startedAt, connection, body }: SentPacket): SentMessage[] => {
  const topicEnd = 2 + body.readUInt16BE(0);
  const topic = parseTopic(body.toString('utf8', 2, topicEnd));
  if (topic.direction !== 'up' || topic.what !== 'records') return [];
  const batch = decodeBatch(topic.kind, body.subarray(topicEnd + 2));
  const sequences = batch.records.map(({ sequence }) => sequence);
  const stream = `${connection}/${batch.class}/${batch.lane}`;
  return [{ startedAt, deviceId: topic.deviceId, epoch: batch.epoch, sequences, stream }];
};

const misordered = (sent: readonly SentMessage[]): number => {
  const last = new Map<string, number>();
  let count = 0;
  for (const { stream, sequences } of sent) {
    for (const sequence of sequences) {
      if (sequence <= (last.get(stream) ?? 0)) count += 1;
      last.set(stream, sequence);
    }
  }
  return count;
};

/** Answers of the local API that name the last committed sequence. */
const claimsOf = (log: TraceLog, localPort: number): Promised[] =>
  log.sent
    .filter(({ ends }) => ends.localPort === localPort)
    .flatMap(({ startedAt, data }) => {
      const [, epoch, sequence] = /"epoch":"(\w+)","lastCommittedSequence":(\d+)/.exec(data.toString('utf8')) ?? [];
      if (epoch === undefined || Number(sequence) === 0) return [];
      return [{ startedAt, deviceId: DEVICE_ID, epoch, sequences: [Number(sequence)] }];
    });
