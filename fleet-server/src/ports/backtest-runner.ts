/** What runs two models over stored data and compares them: heavy, and off every event loop of the server. */
import type { BacktestFigures, BacktestIncident } from '@shoal/protocol';
import type { ScoreColumn } from './score-store.ts';
import type { VectorLayout } from './score-runner.ts';

export interface BacktestModel {
  readonly version: string;
  readonly digest: string;
  /** Of the packed bundle. */
  readonly sha256: string;
  readonly columns: readonly ScoreColumn[];
  /** Of a model of entity features; undefined for one that looks at windows. */
  readonly layout: VectorLayout | undefined;
}

/** Plain data. Half-open [from, to), event time. */
export interface BacktestOrder {
  readonly backtestId: string;
  readonly champion: BacktestModel;
  readonly candidate: BacktestModel;
  readonly from: number;
  readonly to: number;
  /** Whose readings are looked at; empty for models of entity features, which look at every entity. */
  readonly devices: readonly string[];
  readonly source: string | undefined;
  /** From one as-of instant to the next. */
  readonly everyMs: number;
  readonly incidents: readonly BacktestIncident[] | undefined;
}

export interface BacktestProgress {
  readonly entities: number;
  readonly expected: number | null;
  readonly rows: number;
}

/** Values that stand for the distributions of one output, ascending. */
export interface BacktestPlot {
  readonly output: string;
  readonly champion: readonly number[];
  readonly candidate: readonly number[];
}

export type BacktestEnd =
  | { readonly kind: 'finished'; readonly figures: BacktestFigures; readonly plots: readonly BacktestPlot[] }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

export abstract class BacktestRunner {
  /** One at a time. @throws FleetError BACKTEST_RUNNER_LOST when its thread ended, ARTIFACT_STORE_UNAVAILABLE */
  abstract run(order: BacktestOrder): Promise<BacktestEnd>;
  /** Of what runs now; undefined before it reads and when nothing runs. */
  abstract progress(): Promise<BacktestProgress | undefined>;
  /** What runs ends soon, as stopped. */
  abstract stop(): Promise<void>;
}
