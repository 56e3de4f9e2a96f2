/** What the updater needs of the agent around it: engines to try a candidate on, the champion to compare it with, the switch between them. */
import type { Bundle } from '@shoal/models';

export interface SelfTestFigures {
  /** Milliseconds per request as its caller waits for it. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Of the process of its engine, in MB. */
  readonly rssMb: number;
  readonly engine: string;
}

export interface ShadowCounts {
  /** That both answered, so that they can be compared: while either still learns what is normal here it says nothing. */
  readonly windows: number;
  /** Of them, with the same label as the model in force. */
  readonly agreed: number;
  /** Windows besides that the candidate did not answer. */
  readonly failures: number;
  /** Times that its engine was lost. */
  readonly losses: number;
  /** No engine runs it any more. */
  readonly isDown: boolean;
  /** Why the last of its failures failed. */
  readonly lastFault?: string;
  readonly p95Ms?: number;
}

export interface Shadow {
  /** Since it was opened. */
  counts(): ShadowCounts;
  close(): Promise<void>;
}

/** Of the model in force, since this version serves in this process. */
export interface ServiceCounts {
  readonly inferences: number;
  readonly failures: number;
  /** Times that its engine was lost. */
  readonly losses: number;
  /** No engine runs it any more. */
  readonly isDown: boolean;
}

export interface ModelHost {
  /** Golden vectors and load in engines of its own. Throws ModelError with what is wrong. */
  selfTest(bundle: Bundle, signal: AbortSignal): Promise<SelfTestFigures>;
  /** Runs it beside the model in force on the same windows; nothing acts on its answers. Throws AgentError UPDATE_NOT_COMPARABLE, ModelError. */
  openShadow(bundle: Bundle): Promise<Shadow>;
  /** Loads it and keeps it ready for `install`. Throws ModelError. */
  load(bundle: Bundle): Promise<void>;
  /**
   * From now on windows go to this version, null being that of the configuration; those under way end on the one before. Nothing
   * happens where it serves already. Throws ModelError when no engine runs it: then the one before goes on.
   */
  install(name: string, bundle: Bundle | null, source: readonly string[] | undefined): Promise<void>;
  service(name: string): ServiceCounts;
}
