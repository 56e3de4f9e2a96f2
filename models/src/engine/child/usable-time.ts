/** A limit on the time that a process could use: the clock stands still while the machine has other work, but not for ever. */

/** Times the limit, by the clock on the wall: then it is over whatever the reason. */
const MOST_TIMES = 3;
/** To ask the kernel takes as long as a small model: what is over sooner is not asked about, and waiting until then does not count. */
const FIRST_LOOK_MS = 5;

export interface UsableTime {
  readonly limitMs: number;
  /** Milliseconds for which the process has been kept waiting so far; never falls. */
  readonly waitedMs: () => number;
  readonly onOver: () => void;
}

/** Starts now. Returns how to end it. */
export const limitUsableTime = ({ limitMs, waitedMs, onOver }: UsableTime): (() => void) => {
  const startedAt = performance.now();
  let waitedBefore: number | undefined;
  const look = (): void => {
    waitedBefore ??= waitedMs();
    const elapsedMs = performance.now() - startedAt;
    const leftMs = limitMs - (elapsedMs - (waitedMs() - waitedBefore));
    if (leftMs <= 0 || elapsedMs >= limitMs * MOST_TIMES) return onOver();
    timer = setTimeout(look, Math.max(1, Math.min(leftMs, limitMs * MOST_TIMES - elapsedMs)));
  };
  let timer = setTimeout(look, Math.min(FIRST_LOOK_MS, limitMs));
  return () => clearTimeout(timer);
};
