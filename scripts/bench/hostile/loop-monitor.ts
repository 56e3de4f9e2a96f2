/** Preloaded into the agent: notes the 99th percentile of its event loop's delay, in milliseconds, in the file of LOOP_MONITOR_FILE. */
/* oxlint-disable node/no-process-env -- a preloaded module has no other way to be told its file */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const NS_PER_MS = 1e6;
const file = process.env['LOOP_MONITOR_FILE'];
if (file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  setInterval(() => writeFileSync(file, String(delay.percentile(99) / NS_PER_MS)), 1_000).unref();
}
