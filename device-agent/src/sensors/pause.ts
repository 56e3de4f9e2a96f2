/** Waits that end early when the signal does, without throwing. */
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves after `ms`, or soon after the signal aborts. */
export const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  if (signal.aborted) return;
  await delay(ms, undefined, { signal }).catch(() => undefined);
};
