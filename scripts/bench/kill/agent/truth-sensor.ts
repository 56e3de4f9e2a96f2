/**
 * A sensor whose every sample is on record: `node truth-sensor.js TRUTH_FILE EVERY_MS`. Each sample is numbered, noted in
 * the truth file, and only then printed for the agent; a new run goes on counting where the last one ended.
 */
import { appendFileSync } from 'node:fs';
import { readTruth } from './truth-file.ts';

const run = (truthFile: string, everyMs: number): void => {
  let number = readTruth(truthFile).length;
  const agent = process.ppid;
  const endWithAgent = (): void => {
    if (process.ppid !== agent) process.exit(0);
  };
  const produce = (): void => {
    endWithAgent();
    number += 1;
    const at = Date.now();
    appendFileSync(truthFile, `${number} ${at}\n`);
    process.stdout.write(`${JSON.stringify({ observedAt: at, values: { Number: number, Half: number / 2 } })}\n`);
  };
  process.stdout.on('error', () => process.exit(0));
  setInterval(endWithAgent, 20);
  setInterval(produce, everyMs);
};

const [truthFile, everyMs] = process.argv.slice(2);
if (truthFile !== undefined) run(truthFile, Number(everyMs));
