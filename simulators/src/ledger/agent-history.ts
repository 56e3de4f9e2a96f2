/** What the server holds of one full agent, and the comparison of all of it with what its sensor gave. */
import { addFindings, type Findings } from './findings.ts';
import { compareAllPredictions, compareRanges, compareReadings, type AgentHistory } from './compare-samples.ts';
import type { GivenSample, ModelViews } from './compare-samples.ts';
import { storedRanges, storedRecords } from './server-history.ts';

/** @throws SimulatorError SERVER_ANSWER_INVALID */
export const agentHistory = async (httpUrl: string, deviceId: string): Promise<AgentHistory> => ({
  readings: await storedRecords(httpUrl, deviceId, 'readings'),
  predictions: await storedRecords(httpUrl, deviceId, 'predictions'),
  events: await storedRecords(httpUrl, deviceId, 'events'),
  ranges: await storedRanges(httpUrl, deviceId),
});

/**
 * Records of earlier runs on the same data are left out: readings before the first given sample, windows that ended by
 * then, and what was received before `since` (a replay repeats the times of an earlier one).
 */
export const compareAgent = (
  history: AgentHistory,
  given: readonly GivenSample[],
  views: ModelViews,
  since = 0,
): { readonly readings: Findings; readonly predictions: Findings; readonly all: Findings } => {
  const firstAt = given.reduce((first, { observedAt }) => Math.min(first, observedAt), Infinity);
  const readings = compareReadings(
    given,
    history.readings.filter(({ observedAt, receivedAt }) => observedAt >= firstAt && receivedAt >= since),
  );
  const predictions = compareAllPredictions(
    given,
    views,
    history.predictions.filter(({ window, receivedAt }) => window.endAt > firstAt && receivedAt >= since),
  );
  const all = addFindings(addFindings(readings, predictions), compareRanges(history));
  return { readings, predictions, all };
};
