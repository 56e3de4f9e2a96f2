/** Instants and spans as people read and write them. */
import { InvalidArgumentError } from 'commander';

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNITS;

/** `2026-11-23T00:26:07Z`; `null` for never. */
export const instantText = (at: number | null): string | null =>
  at === null ? null : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

/** `12 s`, `3 m`, `2 h`, `5 d`: whole units of the largest that fits. */
export const ageText = (at: number | null, now: number): string | null => {
  if (at === null) return null;
  const age = Math.max(0, now - at);
  const unit = (['d', 'h', 'm'] as const).find((candidate) => age >= UNITS[candidate]) ?? 's';
  return `${Math.floor(age / UNITS[unit])} ${unit}`;
};

/** Argument parser: `90s`, `15m`, `2h`, `7d` → milliseconds. */
export const spanMs = (text: string): number => {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError('Give a span such as 90s, 15m, 2h or 7d.');
  return Number(count) * UNITS[unit as Unit];
};

/** Argument parser: an integer from `min` to `max`. */
export const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };
