/** What an own answer shows of how sure it is. */
import { QuantileSketch, type Bundle, type FeatureVector } from '@shoal/models';
import type { SlotVerdict } from '../inference/model-slot-runner.port.ts';
import type { Evidence } from './escalation-policy.ts';

/** Of the reference of a bundle: all but a thousandth on either side. */
const RANGE = [0.001, 0.999] as const;

export type Ranges = ReadonlyMap<string, readonly [low: number, high: number]>;

export const rangesOf = ({ reference }: Bundle): Ranges | undefined =>
  reference === null || reference === undefined
    ? undefined
    : new Map(
        Object.entries(reference.features).map(([name, stored]) => {
          const sketch = QuantileSketch.deserialize(stored);
          return [name, [sketch.quantile(RANGE[0]) ?? -Infinity, sketch.quantile(RANGE[1]) ?? Infinity]];
        }),
      );

export const outsideShare = (ranges: Ranges, { names, values }: FeatureVector): number => {
  const outside = names.filter((name, i) => {
    const [low, high] = ranges.get(name) ?? [-Infinity, Infinity];
    return (values[i] ?? 0) < low || (values[i] ?? 0) > high;
  });
  return names.length === 0 ? 0 : outside.length / names.length;
};

export const evidenceOf = ({ manifest }: Bundle, verdict: SlotVerdict, outside: number | undefined): Evidence => {
  const rule = manifest.postProcessing;
  const beside = outside === undefined ? {} : { outside };
  if (rule.kind === 'classes')
    return { ...beside, probabilities: rule.labels.map((label) => verdict.outputs[label] ?? 0) };
  const value = rule.kind === 'score' ? verdict.outputs[rule.scoreOutput] : undefined;
  return value === undefined || !Number.isFinite(verdict.threshold)
    ? beside
    : { ...beside, score: { value, threshold: verdict.threshold } };
};
