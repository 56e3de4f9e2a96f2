/**
 * Where a sample stands among those of its key. What was made before one that was looked at comes too late. What was made
 * later and says an earlier time is of a sensor that lags a little, or of a clock that was set back.
 */
import type { AlertState } from './alert-state.ts';

/** Sources of one device may differ by so much; more is a clock. */
const LAG_MS = 60_000;

export interface Placed {
  readonly alert: AlertState;
  readonly at: number;
}

/** `sequence` is in the order of making. @returns null for what comes too late */
export const placeSample = (
  { alert, sequence: last }: { readonly alert: AlertState; readonly sequence: number },
  at: number,
  sequence: number,
): Placed | null => {
  const { lastAt, since, clearSince } = alert;
  if (at >= lastAt) return { alert, at };
  if (sequence <= last) return null;
  if (lastAt - at <= LAG_MS) return { alert, at: lastAt };
  // What has lasted for a minute has lasted for a minute by the new clock too.
  const back = lastAt - at;
  return {
    alert: { ...alert, since: since - back, clearSince: clearSince === null ? null : clearSince - back, lastAt: at },
    at,
  };
};
