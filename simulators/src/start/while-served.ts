/** Keeps a server running while something needs it: one that ends by itself or is killed is started again where it was. */
import { setTimeout as pause } from 'node:timers/promises';
import type { RunSurroundings } from './run-surroundings.ts';

/** `startServer` uses the files and ports of the server that ended. */
export interface ServedBed {
  readonly serverPid: number | undefined;
  readonly startServer: () => Promise<void>;
}

const LOOK_EVERY_MS = 200;

const keepServer = async (bed: ServedBed, say: (text: string) => void, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    if (bed.serverPid === undefined) {
      say('The fleet server ended; it is started again.');
      await bed.startServer();
    }
    await pause(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
};

/** @returns what `work` returns. Throws what starting the server anew throws; the signal of `work` is aborted then. */
export const whileServed = async <T>(
  bed: ServedBed,
  { terminal, signal }: { readonly terminal: Pick<RunSurroundings['terminal'], 'say'>; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const kept = keepServer(bed, (text) => terminal.say(text), either).finally(() => ending.abort());
  kept.catch(() => undefined);
  try {
    return await work(either);
  } finally {
    ending.abort();
    await kept;
  }
};
