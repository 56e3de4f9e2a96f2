/**
 * A sensor whose every sample is on record: `node counting-sensor.js TRUTH_FILE SAMPLES EVERY_MS`. Ten samples make a second of
 * event time. `x` is small and now and then 2000, `ramp` counts the seconds. After the last sample it is silent until it is killed.
 */
import { appendFileSync } from 'node:fs';

const STEP_MS = 100;
const PER_SECOND = 10;
/** Every so many seconds of event time. */
const OUTBREAK_EVERY = 12;

const run = (truthFile: string, samples: number, everyMs: number): void => {
  const firstAt = Math.floor(Date.now() / 1_000) * 1_000 - 3_600_000;
  const agent = process.ppid;
  let number = 0;
  const produce = (): void => {
    if (process.ppid !== agent) process.exit(0);
    if (number === samples) return;
    const second = Math.floor(number / PER_SECOND);
    const observedAt = firstAt + number * STEP_MS;
    const x = second % OUTBREAK_EVERY === OUTBREAK_EVERY - 1 ? 2_000 : 1 + (second % 5);
    appendFileSync(truthFile, `${observedAt}\n`);
    process.stdout.write(`${JSON.stringify({ observedAt, values: { x, ramp: second } })}\n`);
    number += 1;
  };
  process.stdout.on('error', () => process.exit(0));
  setInterval(produce, everyMs);
};

const [truthFile, samples, everyMs] = process.argv.slice(2);
if (truthFile !== undefined) run(truthFile, Number(samples), Number(everyMs));
