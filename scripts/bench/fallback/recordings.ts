/** Recordings of simulated pumps with the labels of their faults, as CSV files that an agent replays. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sisterStream } from '@shoal/simulators';

const ROWS = 1_150;
export const CALIBRATION_ROWS = 400;
const STEP_MS = 1_000;
const FIRST_AT = Date.UTC(2026, 2, 9, 10, 0, 0);

/** Slight faults that grow slowly and waver about what can be told at all, as real ones begin. */
const COURSES = [
  { kind: 'valve-closing', severity: 0.12 },
  { kind: 'imbalance', severity: 0.05 },
  { kind: 'cavitation', severity: 0.3 },
  { kind: 'leak', severity: 0.12 },
] as const;

const recording = (seed: string, index: number): string => {
  const course = COURSES[index % COURSES.length] ?? COURSES[0];
  const [onset, rows] = [580 + 20 * (index % 3), 380];
  const fault = { ...course, onsetMs: onset * STEP_MS, rampMs: 120 * STEP_MS, durationMs: rows * STEP_MS };
  const stream = sisterStream(`${seed}/${index}`, [fault]);
  const values = Array.from({ length: ROWS }, () => stream.next(STEP_MS));
  const channels = Object.keys(values[0] ?? {});
  const lines = values.map((row, i) => {
    const isFaulty = i >= onset && i < onset + rows;
    const cells = Object.values(row).map((value) => (value === null ? '' : String(value)));
    return [new Date(FIRST_AT + i * STEP_MS).toISOString(), ...cells, isFaulty ? 1 : 0].join(',');
  });
  return [`datetime,${channels.join(',')},anomaly`, ...lines, ''].join('\n');
};

/** @returns the folder they lie in */
export const writeRecordings = async (folder: string, count: number, seed: string): Promise<string> => {
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < count; index += 1)
    await writeFile(join(folder, `pump-${index}.csv`), recording(seed, index));
  return folder;
};
