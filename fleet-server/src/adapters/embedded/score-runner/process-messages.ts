/** What the server and a process that goes through a run say to each other. */
import type { RunEnd, RunOrder } from '../../../ports/score-runner.ts';
import type { ThreadFault } from '../sqlite-telemetry/thread-messages.ts';

export interface RunnerFiles {
  readonly featuresFile: string;
  readonly scoresFile: string;
}

/** The first message; the second, of any content, asks for an end after the chunk under way. */
export interface RunnerErrand extends RunnerFiles {
  readonly order: RunOrder;
  /** Of the server, which the engine is told. */
  readonly version: string;
}

export type RunnerReport = { readonly end: RunEnd } | { readonly fault: ThreadFault };
