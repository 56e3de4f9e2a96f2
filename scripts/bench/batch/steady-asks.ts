/** A process that asks one server at a rate that waits for nobody, and says how long its answers took from when they were due. */
import { quantile } from '../harness.ts';
import { serveOrders } from '../load/child.ts';
import { postRequest, RawHttpClient } from '../serving/raw-http-client.ts';

export interface AskOrder {
  readonly port: number;
  /** Asked in turn. */
  readonly paths: readonly string[];
  /** Null: GET. */
  readonly body: string | null;
  readonly perSecond: number;
  readonly seconds: number;
}

export interface AskReport {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly failures: number;
}

const TICK_MS = 1;

const getRequest = (path: string): Buffer => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, 'latin1');

serveOrders<AskOrder>(async ({ port, paths, body, perSecond, seconds }): Promise<AskReport> => {
  const requests = paths.map((path) => (body === null ? getRequest(path) : postRequest(path, body)));
  const idle: RawHttpClient[] = [];
  const latencies: number[] = [];
  const total = Math.floor(perSecond * seconds);
  const allDone = Promise.withResolvers<void>();
  let [failures, settled] = [0, 0];
  const one = (index: number, dueAt: number): void => {
    const client = idle.pop() ?? new RawHttpClient(port);
    client.send(requests[index % requests.length] as Buffer, (answer) => {
      if (answer?.status === 200) latencies.push(performance.now() - dueAt);
      else failures += 1;
      if (answer !== null) idle.push(client);
      settled += 1;
      if (settled === total) allDone.resolve();
    });
  };
  const startedAt = performance.now();
  for (let due = 0; due < total; await new Promise((resolve) => setTimeout(resolve, TICK_MS))) {
    const now = performance.now();
    for (; due < total; due += 1) {
      const dueAt = startedAt + (due / perSecond) * 1_000;
      if (dueAt > now) break;
      one(due, dueAt);
    }
  }
  await allDone.promise;
  for (const client of idle) client.end();
  return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), failures };
});
