/** A process that asks one server: clients that wait for their answers, or arrivals at a rate that waits for nobody. */
import { serveOrders } from '../load/child.ts';
import { postRequest, RawHttpClient, type RawAnswer } from './raw-http-client.ts';

interface Target {
  readonly port: number;
  readonly path: string;
  /** Sent in turn. */
  readonly bodies: readonly string[];
}

export type LoadOrder =
  | (Target & { readonly what: 'closed'; readonly clients: number; readonly seconds: number })
  | (Target & {
      readonly what: 'open';
      readonly perSecond: number;
      readonly seconds: number;
      readonly deadlineMs: number;
    })
  | (Target & { readonly what: 'once' });

export interface ClosedReport {
  readonly perSecond: number;
  /** Milliseconds of each request. */
  readonly p50: number;
  readonly p99: number;
  /** Answers other than 200, and connections that broke. */
  readonly failures: number;
  /** Of one core, what this process took meanwhile. */
  readonly generatorCpuPct: number;
}

/** Milliseconds from when a request was due, which is no later than when it was sent. */
export interface OpenReport {
  readonly sent: number;
  /** Answered 200 within the deadline, and after it. */
  readonly inTime: number;
  readonly late: number;
  /** Refused, by the code of the server. */
  readonly refused: Readonly<Record<string, number>>;
  readonly refuseP99: number;
  /** Ended by their deadline after it had passed: they were admitted first. */
  readonly broken: number;
  readonly failures: number;
  readonly answerP99: number;
  /** Milliseconds the generator itself was behind, at most. */
  readonly behindMs: number;
  /** Requests under way at once, at most; each had a connection of its own. */
  readonly connections: number;
}

const sortedAt = (values: number[], q: number): number => {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
};

const closed = async (order: Extract<LoadOrder, { what: 'closed' }>): Promise<ClosedReport> => {
  const { port, path, bodies, clients, seconds } = order;
  const requests = bodies.map((body) => postRequest(path, body));
  const latencies: number[] = [];
  let failures = 0;
  let turn = 0;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  const run = (): Promise<void> =>
    new Promise((resolve) => {
      const client = new RawHttpClient(port);
      const next = (at: number): void => {
        if (at >= endsAt) {
          client.end();
          return resolve();
        }
        client.send(requests[(turn += 1) % requests.length] as Buffer, (answer) => {
          const now = performance.now();
          if (answer?.status === 200) latencies.push(now - at);
          else failures += 1;
          next(now);
        });
      };
      next(performance.now());
    });
  await Promise.all(Array.from({ length: clients }, run));
  const tookSeconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    perSecond: latencies.length / tookSeconds,
    p50: sortedAt(latencies, 0.5),
    p99: sortedAt(latencies, 0.99),
    failures,
    generatorCpuPct: (user + system) / 1e4 / tookSeconds,
  };
};

const MAX_CONNECTIONS = 4_096;
const TICK_MS = 1;
const CODE = /\r\nshoal-error-code: *(\w+)/i;
/** Answers that promise nothing: they came before anything was run. */
const REFUSALS: ReadonlySet<string> = new Set(['QUEUE_FULL', 'ENGINE_BUSY', 'DEADLINE_UNMEETABLE']);

const open = async (order: Extract<LoadOrder, { what: 'open' }>): Promise<OpenReport> => {
  const { port, path, bodies, perSecond, seconds, deadlineMs } = order;
  const requests = bodies.map((body) => postRequest(path, body));
  const idle: RawHttpClient[] = [];
  const counts = { sent: 0, inTime: 0, late: 0, broken: 0, failures: 0, behindMs: 0, connections: 0 };
  const refused: Record<string, number> = {};
  const answerMs: number[] = [];
  const refuseMs: number[] = [];
  const judge = ({ status, head }: RawAnswer, ms: number): void => {
    const code = status === 200 ? '' : (CODE.exec(head)?.[1] ?? '');
    if (status === 200) {
      answerMs.push(ms);
      if (ms <= deadlineMs) counts.inTime += 1;
      else counts.late += 1;
    } else if (code === 'ENGINE_TIMEOUT' || (code === 'DEADLINE_UNMEETABLE' && ms >= deadlineMs)) counts.broken += 1;
    else if (REFUSALS.has(code)) {
      refused[code] = (refused[code] ?? 0) + 1;
      refuseMs.push(ms);
    } else counts.failures += 1;
  };
  let under = 0;
  const allDone = Promise.withResolvers<void>();
  const total = Math.floor(perSecond * seconds);
  let settled = 0;
  const settle = (): void => {
    settled += 1;
    if (settled === total) allDone.resolve();
  };
  const one = (dueAt: number): void => {
    const client = idle.pop() ?? new RawHttpClient(port);
    counts.sent += 1;
    under += 1;
    counts.connections = Math.max(counts.connections, under);
    client.send(requests[counts.sent % requests.length] as Buffer, (answer) => {
      under -= 1;
      if (answer === null) counts.failures += 1;
      else {
        judge(answer, performance.now() - dueAt);
        idle.push(client);
      }
      settle();
    });
  };
  const startedAt = performance.now();
  for (let due = 0; due < total;) {
    const now = performance.now();
    for (; due < total; due += 1) {
      const dueAt = startedAt + (due / perSecond) * 1_000;
      if (dueAt > now) break;
      counts.behindMs = Math.max(counts.behindMs, now - dueAt);
      if (under < MAX_CONNECTIONS) one(dueAt);
      else {
        counts.failures += 1;
        settle();
      }
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  if (total > 0) await allDone.promise;
  for (const client of idle) client.end();
  return { ...counts, refused, refuseP99: sortedAt(refuseMs, 0.99), answerP99: sortedAt(answerMs, 0.99) };
};

/** The body of one answer. */
const once = async ({ port, path, bodies }: Extract<LoadOrder, { what: 'once' }>): Promise<string[]> => {
  const client = new RawHttpClient(port);
  const answers: string[] = [];
  const ask = (body: string): Promise<RawAnswer | null> =>
    new Promise((resolve) => client.send(postRequest(path, body), resolve));
  for (const body of bodies) answers.push((await ask(body))?.body ?? '');
  client.end();
  return answers;
};

serveOrders<LoadOrder>(async (order) => {
  switch (order.what) {
    case 'closed':
      return closed(order);
    case 'open':
      return open(order);
    case 'once':
      return once(order);
  }
});
