/** What the runner and its thread say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { EntityOrigin, RunEnd, RunOrder } from '../../../ports/score-runner.ts';

export interface RunnerThreadData {
  readonly featuresFile: string;
  readonly scoresFile: string;
  readonly niceness: number;
  readonly version: string;
}

export interface RunnerThreadJobs {
  connect: { ask: { port: MessagePort }; answer: null };
  run: { ask: RunOrder; answer: RunEnd };
  count: { ask: Exclude<EntityOrigin, { kind: 'listed' }>; answer: number };
  /** After the chunk under way. */
  close: { ask: null; answer: null };
}
