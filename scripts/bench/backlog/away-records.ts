/** What devices measured while they were away: one reading a minute, in as many different histories as there are variants. */
import { encodeBatch, type Reading } from '@shoal/protocol';
import { seeded } from '../load/pump-records.ts';

export const MINUTE_MS = 60_000;
export const RECORDS_PER_MESSAGE = 200;
/** Devices of the same variant have the same history, so that it is made and compressed once. */
export const VARIANTS = 16;

/** Multiples of this add up without rounding, in whatever order. */
const GRAIN = 1 / 64;
const grained = (value: number): number => Math.round(value / GRAIN) * GRAIN;

export interface AwaySpan {
  /** Event time of the first reading, milliseconds. */
  readonly startAt: number;
  /** Readings of each device. */
  readonly records: number;
}

const CHANNELS = [
  ['Temperature', 70],
  ['Pressure', 4],
  ['Current', 13],
  ['Vibration', 2],
] as const;

/** In the order of their sequences, from 1. */
export const awayReadings = (variant: number, { startAt, records }: AwaySpan): Reading[] => {
  const random = seeded(variant * 7_919 + 1);
  return Array.from({ length: records }, (_, minute) => ({
    sequence: minute + 1,
    observedAt: startAt + minute * MINUTE_MS,
    source: 'pump',
    values: Object.fromEntries(CHANNELS.map(([name, mean]) => [name, grained(mean * (0.5 + random()))])),
  }));
};

/** The history of one variant as an agent drains it: oldest first, in the lane of what waited. */
export const awayPayloads = (variant: number, span: AwaySpan, epoch: string): Uint8Array[] => {
  const readings = awayReadings(variant, span);
  const payloads: Uint8Array[] = [];
  for (let at = 0; at < readings.length; at += RECORDS_PER_MESSAGE) {
    payloads.push(
      encodeBatch<'readings'>({
        v: 1,
        epoch,
        class: 'reading',
        lane: 'backlog',
        sentAt: Date.now(),
        clock: { state: 'synchronised', offsetMs: 0 },
        records: readings.slice(at, at + RECORDS_PER_MESSAGE),
      }),
    );
  }
  return payloads;
};

export const awayDeviceId = (index: number): string => `away-${String(index).padStart(4, '0')}`;
