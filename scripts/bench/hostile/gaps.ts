/** Windows a model owed an answer for and did not give: counted from what the sensor produced, never from what the agent says. */
import { expectedWindows, type WindowSpec } from '@shoal/models';

/** @returns starts of the windows without a prediction, ascending */
export const gapsOf = (
  stampsMs: readonly number[],
  spec: WindowSpec,
  predictedStarts: readonly number[],
): readonly number[] => {
  const predicted = new Set(predictedStarts);
  return expectedWindows(stampsMs, spec)
    .map(({ startAt }) => startAt)
    .filter((startAt) => !predicted.has(startAt));
};

/** A fault for every way in which this count could be blind: it must see a window that is taken away, and only that. */
export const gapCountFaults = (
  stampsMs: readonly number[],
  spec: WindowSpec,
  predictedStarts: readonly number[],
): readonly string[] => {
  const before = gapsOf(stampsMs, spec, predictedStarts);
  const owed = new Set(expectedWindows(stampsMs, spec).map(({ startAt }) => startAt));
  const victim = predictedStarts.find((startAt) => owed.has(startAt));
  if (victim === undefined) return ['the good model answered no window that was expected of it'];
  const without = predictedStarts.filter((startAt) => startAt !== victim);
  const isSeen = gapsOf(stampsMs, spec, without).length === before.length + 1;
  return isSeen ? [] : ['self-check: a prediction that was taken away was not missed'];
};
