/** Names how the vectors that a model is fed were made, so that one who makes them and one who takes them can tell that they agree. */
import { createHash } from 'node:crypto';
import type { BundleManifest } from '../bundle/manifest.ts';
import { deviceCalibration } from '../calibration/device-normal.ts';
import { canonicalJson } from '../canonical-json.ts';

/** Of view and normaliser, sha256 in hex: models of one hash can be fed with each other's vectors. Undefined for a model without a view. */
export const vectorHash = (manifest: BundleManifest): string | undefined => {
  if (manifest.featureViewHash === undefined) return undefined;
  const rule = deviceCalibration(manifest);
  const normaliser = rule?.method === 'device-normal' ? { tolerances: rule.tolerances, clip: rule.clip } : null;
  return createHash('sha256')
    .update(canonicalJson({ featureView: manifest.featureViewHash, normaliser }))
    .digest('hex');
};
