/** What the server holds, as its HTTP API tells: whole histories and received ranges of one device. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import {
  receivedRangesSchema,
  type ReceivedRanges,
  type RecordKind,
  type StoredEvent,
  type StoredPrediction,
  type StoredReading,
} from '@shoal/protocol';
import { SimulatorError } from '../errors.ts';

export interface StoredOfKind {
  readings: StoredReading;
  predictions: StoredPrediction;
  events: StoredEvent;
}

const NOT_FOUND = 404;

/** Undefined: the server has never heard of the device. */
const request = async (url: string): Promise<Response | undefined> => {
  const response = await fetch(url);
  if (response.ok && response.body !== null) return response;
  const text = (await response.text()).slice(0, 200);
  if (response.status === NOT_FOUND && text.includes('DEVICE_NOT_FOUND')) return undefined;
  throw new SimulatorError('SERVER_ANSWER_INVALID', `GET ${url} answered ${response.status}: ${text}`);
};

/** Every record of a kind, in event-time order. A device the server has never heard of has none. */
export const storedRecords = async <K extends RecordKind>(
  httpUrl: string,
  deviceId: string,
  kind: K,
): Promise<StoredOfKind[K][]> => {
  const response = await request(`${httpUrl}/api/devices/${deviceId}/${kind}?format=ndjson`);
  if (response === undefined) return [];
  const lines = createInterface({ input: Readable.fromWeb(response.body as ReadableStream), crlfDelay: Infinity });
  const records: StoredOfKind[K][] = [];
  for await (const line of lines) if (line !== '') records.push(JSON.parse(line) as StoredOfKind[K]);
  return records;
};

/** The closed intervals of sequences that the server has received of each epoch of a device. */
export const storedRanges = async (httpUrl: string, deviceId: string): Promise<ReceivedRanges> => {
  const response = await request(`${httpUrl}/api/devices/${deviceId}/ranges`);
  return response === undefined ? { deviceId, epochs: [] } : receivedRangesSchema.parse(await response.json());
};
