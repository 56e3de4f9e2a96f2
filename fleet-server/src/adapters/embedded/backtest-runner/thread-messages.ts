/** What the runner of backtests and its thread say to each other. */
import type { BacktestEnd, BacktestOrder, BacktestProgress } from '../../../ports/backtest-runner.ts';

export interface BacktestThreadData {
  readonly telemetryFile: string;
  readonly featuresFile: string;
  readonly niceness: number;
  readonly version: string;
}

export interface BacktestThreadJobs {
  /** `folder` holds the packed bundles, as `champion.tar` and `candidate.tar`. */
  run: { ask: { readonly order: BacktestOrder; readonly folder: string }; answer: BacktestEnd };
  progress: { ask: null; answer: BacktestProgress | undefined };
  /** After the chunk under way. */
  close: { ask: null; answer: null };
}
