/**
 * A simulated pump as a program that prints JSON lines, for `json-lines` sensors. With `--truth FILE` every sample is written
 * there before it is printed, and a program started again goes on in event time where the file ends.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { sisterStream } from '../physics/pump-stream.ts';

/** A line of the truth file; `givenAt` by the machine's clock. */
const truthLineSchema = z.object({
  givenAt: z.number(),
  observedAt: z.number(),
  values: z.record(z.string(), z.number().nullable()),
});

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    'period-ms': { type: 'string', default: '1000' },
    'step-ms': { type: 'string' },
    'backdate-ms': { type: 'string', default: '0' },
    truth: { type: 'string' },
  },
});
const periodMs = Number(flags['period-ms']);
const stepMs = Number(flags['step-ms'] ?? periodMs);

const lastObservedAt = (file: string | undefined): number | undefined => {
  if (file === undefined || !existsSync(file)) return undefined;
  const last = readFileSync(file, 'utf8').trimEnd().split('\n').at(-1);
  return last ? truthLineSchema.parse(JSON.parse(last)).observedAt : undefined;
};

const before = lastObservedAt(flags.truth);
const firstAt = before === undefined ? Date.now() - Number(flags['backdate-ms']) : before + stepMs;
const stream = sisterStream(flags.seed, []);
const startedAt = performance.now();

// Whoever read the lines is gone.
process.stdout.on('error', () => process.exit(0));

for (let index = 0; ; index += 1) {
  const waitMs = startedAt + index * periodMs - performance.now();
  if (waitMs > 0) await pause(waitMs);
  const sample = { observedAt: firstAt + index * stepMs, values: stream.next(stepMs) };
  if (flags.truth !== undefined) {
    appendFileSync(flags.truth, `${JSON.stringify({ givenAt: Date.now(), ...sample })}\n`);
  }
  process.stdout.write(`${JSON.stringify(sample)}\n`);
}
