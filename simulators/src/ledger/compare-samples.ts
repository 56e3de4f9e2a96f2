/** Compares what the sensors of one full agent gave with what the server holds: by content, since the agent alone gives out keys. */
import { expectedWindows, type PlannedWindow, type WindowSpec } from '@shoal/models';
import type { ReceivedRanges, StoredEvent, StoredPrediction, StoredReading } from '@shoal/protocol';
import { addFindings, EXAMPLES, NOTHING_FOUND, type Findings } from './findings.ts';

/** What one sensor source gave, by the device's clock, in order. */
export interface GivenSample {
  readonly observedAt: number;
  readonly values: Readonly<Record<string, number | null>>;
}

export interface AgentHistory {
  readonly readings: readonly StoredReading[];
  readonly predictions: readonly StoredPrediction[];
  readonly events: readonly StoredEvent[];
  readonly ranges: ReceivedRanges;
}

const contentOf = ({ observedAt, values }: GivenSample): string =>
  `${observedAt} ${JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)))}`;

const tally = (keys: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
};

const bySequence = <R extends { readonly epoch: string; readonly sequence: number; readonly receivedAt: number }>(
  records: readonly R[],
): R[] => {
  const firstOfEpoch = new Map<string, number>();
  for (const { epoch, receivedAt } of records) {
    firstOfEpoch.set(epoch, Math.min(receivedAt, firstOfEpoch.get(epoch) ?? Infinity));
  }
  const born = (record: R): number => firstOfEpoch.get(record.epoch) ?? 0;
  return [...records].sort((a, b) => born(a) - born(b) || a.sequence - b.sequence);
};

/** Stored keys that do not continue the order in which they were given. */
const outOfOrder = (given: readonly string[], stored: readonly string[]): readonly string[] => {
  let position = 0;
  return stored.filter((key) => {
    const found = given.indexOf(key, position);
    if (found >= 0) position = found + 1;
    return found < 0 && given.includes(key);
  });
};

interface Multiset {
  readonly lost: readonly string[];
  readonly duplicated: readonly string[];
  readonly unexpected: readonly string[];
}

const compareMultisets = (given: readonly string[], stored: readonly string[]): Multiset => {
  const givenCounts = tally(given);
  const storedCounts = tally(stored);
  const copies = (key: string, times: number): string[] => Array.from({ length: Math.max(0, times) }, () => key);
  return {
    lost: [...givenCounts].flatMap(([key, count]) => copies(key, count - (storedCounts.get(key) ?? 0))),
    duplicated: [...storedCounts].flatMap(([key, count]) =>
      givenCounts.has(key) ? copies(key, count - (givenCounts.get(key) ?? 0)) : [],
    ),
    unexpected: [...storedCounts].flatMap(([key, count]) => (givenCounts.has(key) ? [] : copies(key, count))),
  };
};

const findingsOf = (what: string, given: number, sets: Multiset, misordered: readonly string[]): Findings => ({
  ...NOTHING_FOUND,
  produced: given,
  stored: given - sets.lost.length,
  lost: sets.lost.length,
  duplicated: sets.duplicated.length,
  unexpected: sets.unexpected.length,
  misordered: misordered.length,
  examples: [
    ...sets.lost.map((key) => `${what} lost: ${key}`),
    ...sets.duplicated.map((key) => `${what} duplicated: ${key}`),
    ...sets.unexpected.map((key) => `${what} never given: ${key}`),
    ...misordered.map((key) => `${what} out of order: ${key}`),
  ].slice(0, EXAMPLES),
});

/** Every sample is one reading, stored once, its values unchanged, in the order given. */
export const compareReadings = (given: readonly GivenSample[], stored: readonly StoredReading[]): Findings => {
  const givenKeys = given.map(contentOf);
  const storedKeys = bySequence(stored).map(contentOf);
  const sets = compareMultisets(givenKeys, storedKeys);
  return findingsOf('reading', given.length, sets, outOfOrder(givenKeys, storedKeys));
};

/** What a model looks at. */
export interface ModelView extends WindowSpec {
  readonly channels: readonly string[];
}

/** By model name: what every model of a device looks at. */
export type ModelViews = Readonly<Record<string, ModelView>>;

/** The windows a model can answer: those the samples close in which every channel has a value. None when a channel is missing. */
const answerableWindows = (given: readonly GivenSample[], view: ModelView): PlannedWindow[] => {
  const stamps = given.map(({ observedAt }) => observedAt);
  const valuesAt = view.channels.map((channel) =>
    given
      .filter(({ values }) => typeof values[channel] === 'number')
      .map(({ observedAt }) => observedAt)
      .sort((a, b) => a - b),
  );
  const isAnswerable = ({ startAt, endAt }: PlannedWindow): boolean =>
    valuesAt.every((instants) => {
      const first = firstAtOrAfter(instants, startAt);
      return first !== undefined && first < endAt;
    });
  return expectedWindows(stamps, view).filter(isAnswerable);
};

/** By bisection in ascending instants. */
const firstAtOrAfter = (instants: readonly number[], at: number): number | undefined => {
  let low = 0;
  let high = instants.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((instants[middle] as number) < at) low = middle + 1;
    else high = middle;
  }
  return instants[low];
};

/** Every window the model can answer has one prediction, over as many samples as fell into it. */
export const comparePredictions = (
  given: readonly GivenSample[],
  view: ModelView,
  stored: readonly StoredPrediction[],
): Findings => {
  const windows = answerableWindows(given, view);
  const keyOf = ({ startAt, endAt, count }: StoredPrediction['window']): string => `[${startAt}, ${endAt}) of ${count}`;
  const expected = windows.map(keyOf);
  const sets = compareMultisets(
    expected,
    stored.map(({ window }) => keyOf(window)),
  );
  return findingsOf('prediction', expected.length, sets, []);
};

/** Every model of the device answers its own windows; a prediction of any other model was never asked for. */
export const compareAllPredictions = (
  given: readonly GivenSample[],
  views: ModelViews,
  stored: readonly StoredPrediction[],
): Findings => {
  const strangers = stored.filter(({ model }) => !Object.hasOwn(views, model.name));
  const examples = strangers.map(({ model }) => `prediction of ${model.name}, which does not run here`);
  const unasked = { ...NOTHING_FOUND, unexpected: strangers.length, examples: examples.slice(0, EXAMPLES) };
  return Object.entries(views)
    .map(([name, view]) =>
      comparePredictions(
        given,
        view,
        stored.filter(({ model }) => model.name === name),
      ),
    )
    .reduce(addFindings, unasked);
};

/** The ranges claim exactly as many records as the histories hold. */
export const compareRanges = ({ readings, predictions, events, ranges }: AgentHistory): Findings => {
  const claimed = ranges.epochs.reduce((sum, { count }) => sum + count, 0);
  const held = readings.length + predictions.length + events.length;
  if (claimed === held) return NOTHING_FOUND;
  const sentence = `${ranges.deviceId}: the ranges claim ${claimed} records, the histories hold ${held}`;
  return { ...NOTHING_FOUND, rangesDisagree: Math.abs(claimed - held), examples: [sentence] };
};
