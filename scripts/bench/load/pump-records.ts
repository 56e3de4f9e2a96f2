/** Readings of pumps as agents send them: eight channels, four decimals, one reading a second. */
import { encodeBatch, topics, type Reading } from '@shoal/protocol';

const CHANNELS = [
  ['Accelerometer1RMS', 0.03],
  ['Accelerometer2RMS', 0.04],
  ['Current', 1.3],
  ['Pressure', 0.4],
  ['Temperature', 70],
  ['Thermocouple', 25],
  ['Voltage', 230],
  ['Volume Flow RateRMS', 32],
] as const;

/** Numerical Recipes' LCG: the same bytes in every run. */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

export const pumpReading = (sequence: number, observedAt: number, random: () => number): Reading => ({
  sequence,
  observedAt,
  source: 'pump',
  values: Object.fromEntries(CHANNELS.map(([name, mean]) => [name, Number((mean * (0.9 + random() / 5)).toFixed(4))])),
});

export interface PumpBatches {
  readonly deviceId: string;
  /** 20 hex digits. */
  readonly epoch: string;
  readonly messages: number;
  readonly recordsPerMessage: number;
  readonly startAt: number;
  /** From one reading to the next; 1 ms when absent. */
  readonly stepMs?: number | undefined;
}

/** @yields the readings of the messages of one device, in order */
export function* pumpMessages(batches: PumpBatches): Generator<Reading[]> {
  const random = seeded(Number.parseInt(batches.epoch.slice(0, 7), 16));
  let sequence = 0;
  for (let message = 0; message < batches.messages; message += 1) {
    const readings: Reading[] = [];
    for (let record = 0; record < batches.recordsPerMessage; record += 1) {
      sequence += 1;
      readings.push(pumpReading(sequence, batches.startAt + sequence * (batches.stepMs ?? 1), random));
    }
    yield readings;
  }
}

export const pumpPayload = (epoch: string, records: Reading[], sentAt: number): Uint8Array =>
  encodeBatch<'readings'>({
    v: 1,
    epoch,
    class: 'reading',
    lane: 'live',
    sentAt,
    clock: { state: 'synchronised', offsetMs: 0 },
    records,
  });

export const readingsTopic = (deviceId: string): string => topics.records(deviceId, 'readings');

export const benchDeviceId = (index: number): string => `bench-${String(index).padStart(4, '0')}`;

export const birthPayload = (epoch: string, now: number): Buffer =>
  Buffer.from(
    JSON.stringify({
      v: 1,
      state: 'online',
      connectionId: `c-${epoch}`,
      epoch,
      agentVersion: 'bench',
      hardwareClass: 'bench',
      models: [],
      startedAt: now,
      twinVersion: 0,
    }),
    'utf8',
  );
