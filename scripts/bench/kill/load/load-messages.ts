/** What the bench and its load process say to each other. */
import type { ConnectionLog } from './load-device.ts';

export interface LoadPlan {
  readonly port: number;
  readonly devices: number;
  readonly window: number;
  readonly thinkMs: number;
  readonly maxMessagesPerDevice: number;
  /** Milliseconds since the epoch: when the records begin to have been observed. */
  readonly bornAt: number;
  readonly seed: string;
}

export type LoadRequest =
  | { readonly op: 'start'; readonly plan: LoadPlan }
  | { readonly op: 'report' }
  | { readonly op: 'connections' }
  | { readonly op: 'drain' }
  | { readonly op: 'stop' };

export interface LoadReport {
  /** Per device index: messages acknowledged since the last report. */
  readonly acknowledged: readonly (readonly number[])[];
  /** Messages that were in flight when connections were lost since the last report. */
  readonly inFlightAtLoss: number;
  /** Messages in flight now. */
  readonly inFlight: number;
  /** Messages made and not acknowledged. */
  readonly waiting: number;
  readonly readyDevices: number;
  /** Births answered with a lower sequence than had been acknowledged, ever. */
  readonly regressions: number;
}

export interface LoadAnswer {
  readonly report?: LoadReport;
  readonly connections?: readonly ConnectionLog[];
}
