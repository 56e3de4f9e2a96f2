/** Decides what a patch on the desired state leads to. */
import { desiredConfigurationSchema, mergePatch, twinEquals, type JsonObject } from '@shoal/protocol';
import { FleetError } from '../errors.ts';

export interface DesiredState {
  readonly version: number;
  readonly desired: JsonObject;
}

export type DesiredOutcome =
  /** The desired state is already so: no new version, nothing to send. */
  { readonly kind: 'unchanged' } | { readonly kind: 'changed'; readonly next: DesiredState };

/** @throws FleetError DESIRED_INVALID with every fault and its path */
export const patchDesired = (current: DesiredState, patch: JsonObject): DesiredOutcome => {
  const desired = mergePatch(current.desired, patch);
  const checked = desiredConfigurationSchema.safeParse(desired);
  if (!checked.success) {
    const faults = checked.error.issues.map((issue) => ({
      path: ['desired', ...issue.path].map(String).join('.'),
      message: issue.message,
    }));
    const list = faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ');
    throw new FleetError('DESIRED_INVALID', `No agent could apply this desired state: ${list}.`, { faults });
  }
  if (twinEquals(current.desired, desired)) return { kind: 'unchanged' };
  return { kind: 'changed', next: { version: current.version + 1, desired } };
};
