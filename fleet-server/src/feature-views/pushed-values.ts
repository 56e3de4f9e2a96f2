/** Checks values from outside against a view and codes them: the same rules for a request and for a row of an import. */
import { codeFeature, isModelError } from '@shoal/models';
import { BOUNDS, type FeatureValue } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import type { CompiledView } from './compiled-view.ts';

type CodedValues = readonly (readonly [slotNo: number, value: number | null])[];

/** @throws FleetError FEATURE_UNKNOWN | FEATURE_NOT_PUSHED | FEATURE_VALUE_REFUSED */
export const codeValues = (
  { view, slotNos }: CompiledView,
  values: Readonly<Record<string, FeatureValue | null>>,
): CodedValues =>
  Object.entries(values).map(([name, value]) => {
    const index = view.features.findIndex((feature) => feature.name === name);
    const feature = view.features[index];
    if (feature === undefined) {
      throw new FleetError('FEATURE_UNKNOWN', `View ${view.name} has no feature "${name.slice(0, 80)}".`);
    }
    if (feature.source.kind !== 'pushed') {
      throw new FleetError(
        'FEATURE_NOT_PUSHED',
        `Feature ${name} is computed from ${feature.source.kind}; do not send it.`,
      );
    }
    try {
      return [slotNos[index] ?? 0, value === null ? null : codeFeature(feature, value)] as const;
    } catch (cause) {
      if (!isModelError(cause)) throw cause;
      throw new FleetError('FEATURE_VALUE_REFUSED', `${cause.message}.`, { cause });
    }
  });

/** Clock skew is tolerated, and the store moves such a value to its own now. @throws FleetError FEATURE_EVENT_AHEAD */
export const requirePast = (eventAt: number | undefined, now: number): void => {
  if (eventAt === undefined || eventAt <= now + BOUNDS.clockFutureMs) return;
  throw new FleetError(
    'FEATURE_EVENT_AHEAD',
    `eventAt ${new Date(eventAt).toISOString()} is more than ten minutes ahead of the server. Check the clock.`,
  );
};
