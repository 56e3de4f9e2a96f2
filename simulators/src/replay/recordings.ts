/** Finds the recordings of a replay and reads them whole: what the ledger compares with. */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { isAgentError, LABEL_COLUMNS, readRecording } from '@shoal/device-agent';
import { SimulatorError } from '../errors.ts';
import type { GivenSample } from '../ledger/compare-samples.ts';

export interface Recording {
  readonly file: string;
  readonly deviceId: string;
  /** Rows that can be read, in file order and recorded time. */
  readonly rows: readonly GivenSample[];
  readonly channels: readonly string[];
  /** How far a row lies behind the newest before it, at most; 0 when stamps never go back. */
  readonly disorderMs: number;
}

export interface UnreadableRecording {
  readonly file: string;
  readonly why: string;
}

const DEVICE_ID_CHARS = 63;

/** `valve1/0.csv` → `valve1-0`; whatever a device id cannot have becomes `-`. */
export const deviceIdOf = (file: string): string => {
  const words = `${basename(dirname(resolve(file)))}-${basename(file, extname(file))}`;
  const id = words
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(-DEVICE_ID_CHARS)
    .replaceAll(/^-+|-+$/g, '');
  return id === '' ? 'recording' : id;
};

/** Ids that several files would share get a number. */
export const distinctDeviceIds = (files: readonly string[]): readonly string[] => {
  const taken = new Set<string>();
  return files.map((file) => {
    const id = deviceIdOf(file);
    let candidate = id;
    for (let copy = 2; taken.has(candidate); copy += 1) candidate = `${id.slice(0, DEVICE_ID_CHARS - 6)}-${copy}`;
    taken.add(candidate);
    return candidate;
  });
};

/** The file itself, or the `.csv` files of a folder (not of its subfolders) in natural order. @throws SimulatorError REPLAY_MISSING | REPLAY_EMPTY */
export const recordingFiles = (path: string): readonly string[] => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new SimulatorError('REPLAY_MISSING', `No file or folder ${resolve(path)}. Check the path after --replay.`);
  }
  if (!found.isDirectory()) return [path];
  const files = readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.toLowerCase().endsWith('.csv'))
    .map(({ name }) => join(path, name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  if (files.length > 0) return files;
  throw new SimulatorError(
    'REPLAY_EMPTY',
    `No .csv file in ${resolve(path)}. Name the folder that holds the recordings themselves.`,
  );
};

const readWhole = async (file: string, deviceId: string): Promise<Recording> => {
  const rows: GivenSample[] = [];
  let newestAt = -Infinity;
  let disorderMs = 0;
  for await (const { observedAt, values } of readRecording({ file, ignoreColumns: LABEL_COLUMNS }, () => undefined)) {
    disorderMs = Math.max(disorderMs, newestAt - observedAt);
    newestAt = Math.max(newestAt, observedAt);
    rows.push({ observedAt, values });
  }
  return { file, deviceId, rows, channels: Object.keys(rows[0]?.values ?? {}), disorderMs };
};

/** @throws SimulatorError REPLAY_MISSING | REPLAY_EMPTY, and REPLAY_UNREADABLE when no file can be read at all */
export const readRecordings = async (
  path: string,
): Promise<{ readonly recordings: readonly Recording[]; readonly unreadable: readonly UnreadableRecording[] }> => {
  const files = recordingFiles(path);
  const ids = distinctDeviceIds(files);
  const recordings: Recording[] = [];
  const unreadable: UnreadableRecording[] = [];
  for (const [index, file] of files.entries()) {
    try {
      recordings.push(await readWhole(file, ids[index] ?? deviceIdOf(file)));
    } catch (error) {
      if (!isAgentError(error)) throw error;
      unreadable.push({ file, why: `${error.code}: ${error.message}` });
    }
  }
  if (recordings.length > 0) return { recordings, unreadable };
  const reasons = unreadable.map(({ why }) => why).join(' ');
  throw new SimulatorError('REPLAY_UNREADABLE', `Nothing to replay in ${resolve(path)}. ${reasons}`);
};
