/** Reads time stamps of recordings and maps recorded time to the time of a replay. */

const CIVIL = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?))?\s*(Z|[+-]\d{2}:?\d{2})?$/i;
const NUMBER = /^\d+(\.\d+)?$/;
/** Epoch numbers below this are seconds (until the year 5138), above it milliseconds. */
const SECONDS_BELOW = 1e11;
const LATEST = 8.64e15;

const civilInstant = (text: string): number => {
  const parts = CIVIL.exec(text);
  if (parts === null) return Number.NaN;
  const [, date, time = '00:00', zone = 'Z'] = parts;
  return Date.parse(`${date}T${time.replace(',', '.')}${zone.toUpperCase()}`);
};

/**
 * Integer milliseconds since the Unix epoch, or null when `text` is no time. ISO 8601, also with a space for the `T`;
 * a time without zone is taken as UTC. Numbers are epoch seconds (fractions allowed) or milliseconds.
 */
export const parseRecordedTime = (text: string): number | null => {
  const trimmed = text.trim();
  const value = Number(trimmed);
  const instant = NUMBER.test(trimmed) ? (value < SECONDS_BELOW ? value * 1_000 : value) : civilInstant(trimmed);
  return instant >= 0 && instant <= LATEST ? Math.round(instant) : null;
};

/** `recorded`: event times stay as they are. `shifted`: the newest row of the recording falls at the start of the replay. */
export type TimeMapping = 'recorded' | 'shifted';

const MINUTE_MS = 60_000;

/**
 * What is added to every recorded time of a replay that starts at `startedAt`: a whole number of minutes, rounded down,
 * so that windows fall the same way on every replay and nothing lies in the future.
 */
export const replayShiftMs = (mapping: TimeMapping, newestRecordedAt: number, startedAt: number): number =>
  mapping === 'recorded' ? 0 : Math.floor((startedAt - newestRecordedAt) / MINUTE_MS) * MINUTE_MS;
