/** When a run has kept the requests of other models waiting for too long: pure. */

/** The rest of a deadline must do for a new process and the run itself. */
const SHARE_OF_DEADLINE = 0.25;

/** @param waitingDeadlinesMs of the requests of other models; undefined for one that has none */
export const isHeldUp = (
  runningMs: number,
  waitingDeadlinesMs: readonly (number | undefined)[],
  patienceMs: number,
): boolean =>
  waitingDeadlinesMs.some(
    (deadlineMs) => runningMs >= Math.min(patienceMs, (deadlineMs ?? Infinity) * SHARE_OF_DEADLINE),
  );
