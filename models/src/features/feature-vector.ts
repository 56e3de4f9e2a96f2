/** The ordered, named, finite vector a model is fed with. */
import { ModelError } from '../errors.ts';
import type { FeatureView } from './feature-view.ts';
import type { SampleWindow } from './resample.ts';
import { featureViewHash } from './schema-hash.ts';
import { windowFeatures } from './window-steps.ts';

export interface FeatureVector {
  /** Of the view that made it; `modelInputs` refuses another view's vector. */
  readonly viewHash: string;
  readonly names: readonly string[];
  /** One value per name, all finite. */
  readonly values: Float32Array;
}

/**
 * Deterministic: the same view and samples give the same bytes, in whatever order the samples come.
 * Throws WINDOW_SHAPE_INVALID, WINDOW_INCOMPLETE, FEATURE_NOT_FINITE.
 */
export const evaluateFeatureView = (view: FeatureView, window: SampleWindow): FeatureVector => {
  const features = windowFeatures(view, window);
  const values = Float32Array.from(features, ([, value]) => value);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new ModelError('FEATURE_NOT_FINITE', `Feature ${features[bad]?.[0]} of view ${view.name} is not finite`);
  return { viewHash: featureViewHash(view), names: features.map(([name]) => name), values };
};
