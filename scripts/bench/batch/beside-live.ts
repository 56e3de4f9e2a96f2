/** The same server with and without a run going on: what readers of scores, devices and callers of a model wait, and what the run loses. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ScoreBulkAnswer } from '@shoal/protocol';
import type { LiveStretch } from '../backlog/live-load.ts';
import { median, quantile } from '../harness.ts';
import { BenchChild } from '../load/child.ts';
import type { AskOrder, AskReport } from './steady-asks.ts';
import { entityOf, fillEntities, WIDTH } from './scored-entities.ts';
import { JOB, MODEL, type ScoringServer } from './scoring-server.ts';

export interface LivePlan {
  readonly seconds: number;
  readonly rounds: number;
  readonly entities: number;
  readonly log: (line: string) => void;
}

export interface LiveVerdict {
  readonly figures: Readonly<Record<string, number>>;
  /** Of the run, while everything else went on. */
  readonly rowsPerS: number;
  readonly faults: readonly string[];
}

const READS_PER_S = 200;
const INFERS_PER_S = 100;
const RECORDS_PER_S = 500;
const DEVICES = 50;
const WATCHED = 200;
const EPOCH = 'f'.repeat(20);

interface Stretch {
  readonly read: number;
  readonly infer: number;
  readonly ingest: number;
  readonly rowsPerS: number;
}

/** Half of what is watched belongs to the beginning of the run, half to its end: a mixture would show. */
const watchedOf = (entities: number): string[] =>
  Array.from({ length: WATCHED }, (_, index) => entityOf(Math.floor((index * (entities - 1)) / (WATCHED - 1))));

export const besideLive = async (server: ScoringServer, plan: LivePlan): Promise<LiveVerdict> => {
  const { entities, rounds, log } = plan;
  const faults: string[] = [];
  const children = {
    reads: new BenchChild('../batch/steady-asks'),
    infers: new BenchChild('../batch/steady-asks'),
    devices: new BenchChild('../backlog/live-load'),
  };
  const watched = watchedOf(entities);
  const known = new Map<string, string>();
  let mixed = 0;
  const look = async (): Promise<void> => {
    const answer = await server.send<ScoreBulkAnswer>('POST', `/api/scores/${JOB}`, { entities: watched });
    const text = JSON.stringify(answer.scores);
    const before = known.get(answer.runId) ?? text;
    known.set(answer.runId, before);
    if (before !== text) mixed += 1;
  };
  /** The run whose scores cannot be mixed with those before goes on meanwhile, or none. */
  const stretch = async (runId: string | undefined): Promise<Stretch> => {
    const { reads, infers, devices } = children;
    await devices.ask({ what: 'cut' });
    const before = runId === undefined ? 0 : (await server.run(runId)).progress.done;
    const startedAt = performance.now();
    const { seconds } = plan;
    const readPaths = watched.map((entity) => `/api/scores/${JOB}/${entity}`);
    const row = Array.from({ length: WIDTH }, (_, index) => index / WIDTH);
    const body = JSON.stringify({ inputs: [{ name: 'x', shape: [1, WIDTH], datatype: 'FP32', data: row }] });
    const read: AskOrder = { port: server.httpPort, paths: readPaths, body: null, perSecond: READS_PER_S, seconds };
    const infer: AskOrder = {
      port: server.httpPort,
      paths: [`/v2/models/${MODEL}/infer`],
      body,
      perSecond: INFERS_PER_S,
      seconds,
    };
    const asking = Promise.all([reads.ask<AskReport>(read), infers.ask<AskReport>(infer)]);
    let isOver = false;
    const looking = (async () => {
      for (; !isOver; await pause(20)) await look();
    })();
    const [readReport, inferReport] = await asking;
    const elapsedS = (performance.now() - startedAt) / 1_000;
    const after = runId === undefined ? 0 : (await server.run(runId)).progress.done;
    isOver = true;
    await looking;
    const ingest = await devices.ask<LiveStretch>({ what: 'cut' });
    const failures = readReport.failures + inferReport.failures + ingest.closed + ingest.unacknowledged;
    if (failures > 0) faults.push(`${failures} live requests failed.`);
    return {
      read: readReport.p99,
      infer: inferReport.p99,
      ingest: quantile([...ingest.latenciesMs], 0.99),
      rowsPerS: (after - before) / elapsedS,
    };
  };
  const alone: Stretch[] = [];
  const beside: Stretch[] = [];
  try {
    const begin = { what: 'begin', port: server.mqttPort, devices: DEVICES, perSecond: RECORDS_PER_S, epoch: EPOCH };
    await children.devices.ask(begin);
    await stretch(undefined);
    for (let round = 1; round <= rounds; round += 1) {
      fillEntities(server.dataDir, entities, round + 1);
      alone.push(await stretch(undefined));
      const { id } = await server.submit();
      while ((await server.run(id)).progress.done === 0) await pause(20);
      beside.push(await stretch(id));
      await server.published(id);
      await look();
      log(`live ${round}/${rounds}: alone ${shown(alone.at(-1))}; beside a run ${shown(beside.at(-1))}`);
    }
    await children.devices.ask({ what: 'finish' });
  } finally {
    await Promise.all(Object.values(children).map((child) => child.end()));
  }
  if (mixed > 0) faults.push(`${mixed} bulk reads were of two runs.`);
  const ratio = (of: 'read' | 'infer' | 'ingest'): number =>
    median(beside.map((each, index) => each[of] / (alone[index]?.[of] ?? Number.NaN)));
  return {
    figures: {
      read_p99_ratio: ratio('read'),
      live_p99_ratio: Math.max(ratio('infer'), ratio('ingest')),
      infer_p99_ratio: ratio('infer'),
      ingest_p99_ratio: ratio('ingest'),
      read_p99_ms: median(beside.map(({ read }) => read)),
      runs_watched: known.size,
      mixed_reads: mixed,
    },
    rowsPerS: median(beside.map(({ rowsPerS }) => rowsPerS)),
    faults,
  };
};

const shown = (stretch: Stretch | undefined): string =>
  stretch === undefined
    ? ''
    : `p99 read ${stretch.read.toFixed(1)} infer ${stretch.infer.toFixed(1)} ingest ${stretch.ingest.toFixed(1)} ms, ${Math.round(stretch.rowsPerS)} rows/s`;
