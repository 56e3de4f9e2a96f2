/** What others than rollouts need of released models: which release a version or an alias means, and what is in it. */
import type { BundleManifest } from '@shoal/models';

export interface ReleasedBundle {
  readonly name: string;
  readonly version: string;
  /** sha256 of the manifest. */
  readonly digest: string;
  /** Of the packed bundle, as artifacts are called. */
  readonly sha256: string;
  readonly manifest: BundleManifest;
}

export abstract class ModelBundles {
  /** `reference`: a version or an alias. @throws FleetError MODEL_RELEASE_NOT_FOUND | MODEL_ALIAS_NOT_FOUND */
  abstract show(name: string, reference: string): Promise<ReleasedBundle>;
}
