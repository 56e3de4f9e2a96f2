/** What the sensors of the bench say: eight channels of a healthy pump. */
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { WindowedManifest } from '@shoal/models';
import { seededRandom } from '../kill/seeded-random.ts';

type Row = Readonly<Record<string, number>>;

/** Values where the model expects them. */
export const pumpRows = (manifest: WindowedManifest): (() => Row) => {
  const random = seededRandom('edge');
  const scale = manifest.featureView.series.find(({ op }) => op === 'scale');
  const constants = scale !== undefined && 'constants' in scale ? scale.constants : {};
  return () =>
    Object.fromEntries(
      manifest.window.channels.map((channel) => {
        const { mean = 1, std = 0.1 } = (constants as Record<string, { mean?: number; std?: number }>)[channel] ?? {};
        return [channel, Number((mean + std * 0.3 * (random() - 0.5)).toPrecision(7))];
      }),
    );
};

/** A recording of so many seconds, one row each. */
export const writeRecording = async (file: string, manifest: WindowedManifest, seconds: number): Promise<void> => {
  const rows = pumpRows(manifest);
  const out = createWriteStream(file);
  out.write(`datetime,${manifest.window.channels.join(',')}\n`);
  for (let second = 0; second < seconds; second += 1) {
    const values = Object.values(rows());
    out.write(`${new Date(1_760_000_000_000 + second * 1_000).toISOString()},${values.join(',')}\n`);
  }
  out.end();
  await finished(out);
};

/** The last minute at once, so that the first window is full, then a line a second until `signal` ends it. */
export const oneHertz =
  (manifest: WindowedManifest, signal: AbortSignal) =>
  (line: (text: string) => void): void => {
    const rows = pumpRows(manifest);
    const say = (observedAt: number): void => line(JSON.stringify({ observedAt, values: rows() }));
    const now = Date.now();
    for (let ageMs = manifest.window.lengthMs + manifest.window.hopMs; ageMs > 0; ageMs -= 1_000) say(now - ageMs);
    const timer = setInterval(() => say(Date.now()), 1_000);
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  };
