/** The hash by which a bundle pins its feature view. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../canonical-json.ts';
import type { FeatureView } from './feature-view.ts';

/** Lower-case hex sha256 over the canonical JSON of the definition: any change of a step or constant changes it. */
export const featureViewHash = (view: FeatureView): string =>
  createHash('sha256').update(canonicalJson(view), 'utf8').digest('hex');
