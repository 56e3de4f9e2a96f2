/** Runs the server under strace, and holds every ticket it gave and every answer it told against what was on disk by then. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { checkDurability, type DurabilityVerdict, type Promised } from '../kill/trace/durability-check.ts';
import { PUBLISH, sentPackets } from '../kill/trace/mqtt-stream.ts';
import { readTraceLog, type TraceLog } from '../kill/trace/trace-log.ts';
import { HeardAnswers } from './heard-answers.ts';
import { QueueServer } from './queue-server.ts';
import { Submitters } from './submitters.ts';
import { openTicketRecords, PROMISED } from './ticket-records.ts';

export interface WatchTicketsOptions {
  readonly requests: number;
  readonly lossPoints: number;
  readonly random: () => number;
}

export interface TicketVerdict extends DurabilityVerdict {
  readonly tickets: number;
  readonly answers: number;
  /** Tickets that were received and answers that were heard which the trace does not show. */
  readonly unseen: number;
  readonly unwatched: readonly string[];
}

const LOOK_MS = 50;
const PATIENCE_MS = 60_000;
const TICKET = /"id":"(p-[0-9a-f]{20})"/g;
const TOLD = /predictions\/[^/]+\/(p-[0-9a-f]{20})/;

const portOf = (url: string): number => Number(new URL(url).port);

/** Ends with SIGKILL: the trace ends in the middle of work. */
export const watchTickets = async ({ requests, lossPoints, random }: WatchTicketsOptions): Promise<TicketVerdict> => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-tickets-'));
  const server = new QueueServer(folder);
  const asking = new Submitters(() => server.httpUrl);
  const hearing = new HeardAnswers();
  try {
    mkdirSync(server.dataDir);
    const logFile = join(folder, 'trace.log');
    await server.prepare(logFile);
    const ports = { http: portOf(server.httpUrl), mqtt: portOf(server.mqttUrl) };
    await hearing.subscribe(server.mqttUrl);
    asking.start();
    asking.allow(requests);
    const deadline = Date.now() + PATIENCE_MS;
    while (hearing.heard.size < requests / 2 && Date.now() < deadline) await pause(LOOK_MS);
    await server.kill();
    await asking.stop();
    const log = await readTraceLog(logFile, server.dataDir);
    const [tickets, answers] = [ticketPromises(log, ports.http), answerPromises(log, ports.mqtt)];
    const promises = [...tickets, ...answers].sort((one, other) => one.startedAt - other.startedAt);
    const options = { log, folder: server.dataDir, promises, open: openTicketRecords, lossPoints, random };
    const shown = new Set(tickets.map(({ deviceId }) => deviceId));
    const told = new Set(answers.map(({ deviceId }) => deviceId));
    const unseenTickets = [...asking.acknowledged.values()].filter((ticket) => !shown.has(ticket)).length;
    const unseenAnswers = [...hearing.heard.keys()].filter((ticket) => !told.has(ticket)).length;
    return {
      ...checkDurability(options),
      tickets: tickets.length,
      answers: answers.length,
      unseen: unseenTickets + unseenAnswers,
      unwatched: log.unwatched,
    };
  } finally {
    hearing.end();
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
};

/** A ticket is promised from the moment on at which the answer that names it begins to leave. */
const ticketPromises = ({ sent }: TraceLog, port: number): Promised[] =>
  sent
    .filter(({ ends }) => ends.localPort === port)
    .flatMap(({ startedAt, data }) =>
      [...data.toString('latin1').matchAll(TICKET)].map(([, ticketId = '']) => ({
        startedAt,
        deviceId: ticketId,
        epoch: '',
        sequences: [PROMISED.ticket],
      })),
    );

/** An answer that was told must have been committed. */
const answerPromises = ({ sent }: TraceLog, port: number): Promised[] =>
  sentPackets(sent, ({ localPort }) => localPort === port)
    .filter(({ type }) => type === PUBLISH)
    .flatMap(({ startedAt, body }) => {
      const [, ticketId] = TOLD.exec(body.toString('latin1')) ?? [];
      return ticketId === undefined
        ? []
        : [{ startedAt, deviceId: ticketId, epoch: '', sequences: [PROMISED.ticket, PROMISED.answer] }];
    });
