/** Brings the features of an entity into a request, as the bundle pins them, and says how old they are and what is missing. */
import { Injectable } from '@nestjs/common';
import type { Bundle, CompletedInputs } from '@shoal/models';
import type { JsonObject, Tensors } from '@shoal/protocol';
import { FeatureReader, type ServedVector } from '../feature-views/feature-reader.service.ts';
import { entityInput, splitInputs, vectorTensor } from './entity-inputs.ts';

@Injectable()
export class EntityFeatures {
  private readonly reader: FeatureReader;
  constructor(reader: FeatureReader) {
    this.reader = reader;
  }

  /**
   * What completes the requests of a bundle; undefined for one that pins no vector, or no single input for it.
   * @throws FleetError FEATURE_VIEW_MISMATCH when the view is not defined here as it was in training
   */
  completionOf({ manifest }: Bundle): ((inputs: Tensors, entity: string) => CompletedInputs) | undefined {
    const input = entityInput(manifest);
    if (manifest.entityView === undefined || input === undefined) return undefined;
    const plan = this.reader.plan(manifest.entityView);
    return (inputs, entity) => {
      const { own, overrides } = splitInputs(manifest, inputs);
      if (own[input.name] !== undefined) return { inputs };
      const served = this.reader.readNow(plan, entity, overrides);
      return { inputs: { ...own, [input.name]: vectorTensor(served.vector) }, parameters: statusOf(entity, served) };
    };
  }
}

/** `age_ms`: of the oldest value that was used. */
const statusOf = (entity: string, { hash, asOf, judged, stale, missing }: ServedVector): JsonObject => {
  let oldest = Infinity;
  for (const { eventAt } of judged) if (eventAt !== null && eventAt < oldest) oldest = eventAt;
  const status = {
    entity,
    features_hash: hash,
    features_as_of: asOf,
    features_stale: stale,
    features_missing: missing,
  };
  return oldest === Infinity ? status : { ...status, age_ms: Math.max(0, asOf - oldest) };
};
