/** What the server holds of one full agent, and the comparison of all of it with what its sensor gave. */
import { addFindings, type Findings } from './findings.ts';
import { comparePredictions, compareRanges, compareReadings, type AgentHistory } from './compare-samples.ts';
import type { GivenSample, ModelView } from './compare-samples.ts';
import { storedRanges, storedRecords } from './server-history.ts';

/** @throws SimulatorError SERVER_ANSWER_INVALID */
export const agentHistory = async (httpUrl: string, deviceId: string): Promise<AgentHistory> => ({
  readings: await storedRecords(httpUrl, deviceId, 'readings'),
  predictions: await storedRecords(httpUrl, deviceId, 'predictions'),
  events: await storedRecords(httpUrl, deviceId, 'events'),
  ranges: await storedRanges(httpUrl, deviceId),
});

/** Readings before the first given sample, and windows that ended by then, are of earlier runs on the same data. */
export const compareAgent = (
  history: AgentHistory,
  given: readonly GivenSample[],
  view: ModelView,
): { readonly readings: Findings; readonly predictions: Findings; readonly all: Findings } => {
  const firstAt = given.reduce((first, { observedAt }) => Math.min(first, observedAt), Infinity);
  const readings = compareReadings(
    given,
    history.readings.filter(({ observedAt }) => observedAt >= firstAt),
  );
  const predictions = comparePredictions(
    given,
    view,
    history.predictions.filter(({ window }) => window.endAt > firstAt),
  );
  const all = addFindings(addFindings(readings, predictions), compareRanges(history));
  return { readings, predictions, all };
};
