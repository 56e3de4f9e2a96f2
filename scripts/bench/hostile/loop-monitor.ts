/**
 * Preloaded into the agent: notes in the file of LOOP_MONITOR_FILE how late its event loop comes, and how long the loop itself was
 * busy when it came late. The kernel counts for how long a thread waited for a processor: that part is the machine's, the rest its own.
 */
/* oxlint-disable node/no-process-env -- a preloaded module has no other way to be told its file */
import { readFileSync, writeFileSync } from 'node:fs';
import { createHistogram } from 'node:perf_hooks';

const NS_PER_MS = 1e6;
const TICK_MS = 5;
const WRITE_MS = 1_000;
/** What an agent does while it starts, before it has anything to lose, is another figure. */
const WARM_UP_MS = 5_000;

/** Of the main thread, since it began (proc: schedstat); 0 where the kernel does not count. */
const waitedNs = (): number => {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]);
  } catch {
    return 0;
  }
};

const watch = (file: string): void => {
  const [delay, busy] = [createHistogram(), createHistogram()];
  let [at, waited] = [performance.now(), waitedNs()];
  const warmAt = at + WARM_UP_MS;
  setInterval(() => {
    const [now, waitedNow] = [performance.now(), waitedNs()];
    const lateNs = Math.max(0, (now - at - TICK_MS) * NS_PER_MS);
    const ownNs = Math.max(0, lateNs - (waitedNow - waited));
    [at, waited] = [now, waitedNow];
    if (now < warmAt) return;
    delay.record(Math.ceil(lateNs) + 1);
    busy.record(Math.ceil(ownNs) + 1);
  }, TICK_MS).unref();
  const figures = () => ({
    delayP99Ms: delay.percentile(99) / NS_PER_MS,
    busyP99Ms: busy.percentile(99) / NS_PER_MS,
    busyMaxMs: busy.max / NS_PER_MS,
  });
  setInterval(() => writeFileSync(file, JSON.stringify(figures())), WRITE_MS).unref();
};

const file = process.env['LOOP_MONITOR_FILE'];
if (file !== undefined) watch(file);
