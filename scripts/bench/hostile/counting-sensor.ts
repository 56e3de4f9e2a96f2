/**
 * A sensor whose every sample is on record: `node counting-sensor.js TRUTH_FILE STOP_FILE EVERY_MS`. Ten samples make a second of
 * event time. `x` is small and now and then 2000, `ramp` counts the seconds and begins anew. Once STOP_FILE exists it is silent until it is killed.
 */
import { appendFileSync, existsSync } from 'node:fs';

const STEP_MS = 100;
const PER_SECOND = 10;
/** Every so many seconds of event time. */
const OUTBREAK_EVERY = 12;
const RAMP_SECONDS = 100;

const run = (truthFile: string, stopFile: string, everyMs: number): void => {
  const firstAt = Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000;
  const agent = process.ppid;
  let number = 0;
  const produce = (): void => {
    if (process.ppid !== agent) process.exit(0);
    if (existsSync(stopFile)) return;
    const second = Math.floor(number / PER_SECOND);
    const observedAt = firstAt + number * STEP_MS;
    const x = second % OUTBREAK_EVERY === OUTBREAK_EVERY - 1 ? 2_000 : 1 + (second % 5);
    appendFileSync(truthFile, `${observedAt}\n`);
    process.stdout.write(`${JSON.stringify({ observedAt, values: { x, ramp: 1 + (second % RAMP_SECONDS) } })}\n`);
    number += 1;
  };
  process.stdout.on('error', () => process.exit(0));
  setInterval(produce, everyMs);
};

const [truthFile, stopFile, everyMs] = process.argv.slice(2);
if (truthFile !== undefined && stopFile !== undefined) run(truthFile, stopFile, Number(everyMs));
