/** What a truth sensor has produced: sample n in line n. */
import { existsSync, readFileSync } from 'node:fs';

export interface ProducedSample {
  /** From 1, without gaps. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A line cut short by the end of its sensor was never printed and does not count. */
export const readTruth = (file: string): ProducedSample[] => {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => {
    const [number, at] = line.split(' ').map(Number);
    return { number: number ?? 0, at: at ?? 0 };
  });
};
