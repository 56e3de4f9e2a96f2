/** What the director assigns to one device: the entry of one model changed, the others as they were. */
import type { AssignedModel, Assignment, RolloutDefinition } from '@shoal/protocol';
import type { RolloutRelease } from './rollout.ts';

/** What the director assigned to a device last; the counter is that of the last signed assignment. */
export interface DeviceAssignment {
  readonly counter: number;
  readonly models: readonly AssignedModel[];
  readonly floors: Readonly<Record<string, number>>;
}

export const NO_ASSIGNMENT: DeviceAssignment = { counter: 0, models: [], floors: {} };

/** An assignment says for how long it may be taken; a device that is away longer gets a new one when it is back. */
export const VALID_MS = 90 * 86_400_000;

export interface ModelChange {
  readonly model: string;
  /** Null: this model is assigned no longer. */
  readonly entry: AssignedModel | null;
  readonly floor: number | undefined;
}

/** Forward: with the schedule, the shadow and the probation that the rollout asks for. */
export const forwardEntry = (
  definition: RolloutDefinition,
  { version, target, sha256, lengthBytes, releaseCounter }: RolloutRelease,
  deploymentId: string,
): AssignedModel => {
  const { model, window, source, startAt, downloadBytesPerS, jitterSeconds, shadow, probation } = definition;
  return {
    deploymentId,
    name: model,
    version,
    target,
    sha256,
    lengthBytes,
    releaseCounter,
    jitterSeconds,
    shadow,
    probation,
    ...(source !== undefined && { source }),
    ...(startAt !== undefined && { notBefore: startAt }),
    ...(window !== undefined && { window }),
    ...(downloadBytesPerS !== undefined && { downloadBytesPerS }),
  };
};

/** Back: at once, outside of any window, and without a shadow beside what is to go. */
export const backwardEntry = (
  definition: RolloutDefinition,
  release: RolloutRelease,
  deploymentId: string,
): AssignedModel => {
  const { window: _window, startAt: _startAt, ...rest } = definition;
  return forwardEntry({ ...rest, jitterSeconds: 0, shadow: { ...rest.shadow, minWindows: 0 } }, release, deploymentId);
};

/**
 * The counter is the time unless that was used already: it grows also after a backup was restored, whose counters are behind
 * what devices have seen.
 */
export const nextAssignment = (
  before: DeviceAssignment,
  { model, entry, floor }: ModelChange,
  now: number,
): DeviceAssignment => {
  const others = before.models.filter(({ name }) => name !== model);
  const raised = Math.max(floor ?? 0, before.floors[model] ?? 0);
  return {
    counter: Math.max(before.counter + 1, now),
    models: entry === null ? others : [...others, entry],
    floors: raised > 0 ? { ...before.floors, [model]: raised } : before.floors,
  };
};

export const assignmentFor = (
  deviceId: string,
  { counter, models, floors }: DeviceAssignment,
  now: number,
): Assignment => ({
  _type: 'shoal-assignment',
  deviceId,
  counter,
  issuedAt: now,
  expires: now + VALID_MS,
  models: [...models],
  floors: { ...floors },
});
