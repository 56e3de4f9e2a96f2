/** The hash by which a bundle pins its feature view. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../canonical-json.ts';
import type { FeatureView } from './feature-view.ts';

/** A view is never changed once it is made, and every window of a device asks for the hash of the same one. */
const known = new WeakMap<FeatureView, string>();

/** Lower-case hex sha256 over the canonical JSON of the definition: any change of a step or constant changes it. */
export const featureViewHash = (view: FeatureView): string => {
  const remembered = known.get(view);
  if (remembered !== undefined) return remembered;
  const hash = createHash('sha256').update(canonicalJson(view), 'utf8').digest('hex');
  known.set(view, hash);
  return hash;
};
