/** Rollouts that are followed, and what the director assigned: in memory as they are in the database after the last commit. */
import type { DeviceAssignment } from './assigned-models.ts';
import { NO_ASSIGNMENT } from './assigned-models.ts';
import { rolloutOf, type RolloutDevice, type RolloutRecord } from './rollout.ts';

interface Followed {
  rollout: RolloutRecord;
  readonly devices: Map<string, RolloutDevice>;
}

export class RolloutBook {
  private readonly rollouts = new Map<string, Followed>();
  private readonly untold = new Set<string>();
  private readonly ordinals = new Map<string, number>();
  private readonly assignments = new Map<string, DeviceAssignment>();

  get(
    rolloutId: string,
  ): { readonly rollout: RolloutRecord; readonly devices: ReadonlyMap<string, RolloutDevice> } | undefined {
    return this.rollouts.get(rolloutId);
  }

  put(rollout: RolloutRecord, changed: readonly RolloutDevice[]): void {
    const followed = this.rollouts.get(rollout.rolloutId) ?? { rollout, devices: new Map<string, RolloutDevice>() };
    followed.rollout = rollout;
    if (rollout.ordinal > 0) this.ordinals.set(rollout.rolloutId, rollout.ordinal);
    for (const device of changed) followed.devices.set(device.deviceId, device);
    this.rollouts.set(rollout.rolloutId, followed);
    this.untold.add(rollout.rolloutId);
  }

  /** Those that changed since the last call: who follows is told once of many changes. */
  takeChanged(): readonly string[] {
    const ids = [...this.untold];
    this.untold.clear();
    return ids;
  }

  drop(rolloutId: string): void {
    this.rollouts.delete(rolloutId);
  }

  clear(): void {
    this.ordinals.clear();
    this.rollouts.clear();
    this.assignments.clear();
  }

  assignment(deviceId: string): DeviceAssignment {
    return this.assignments.get(deviceId) ?? NO_ASSIGNMENT;
  }

  assign(assignments: Iterable<readonly [string, DeviceAssignment]>): void {
    for (const [deviceId, assignment] of assignments) this.assignments.set(deviceId, assignment);
  }

  order(ordinals: Iterable<readonly [string, number]>): void {
    for (const [rolloutId, ordinal] of ordinals) this.ordinals.set(rolloutId, ordinal);
  }

  get highestOrdinal(): number {
    return [...this.ordinals.values()].reduce((highest, ordinal) => Math.max(highest, ordinal), 0);
  }

  /** Whether a deployment is of a rollout that started after this one. */
  isNewer(deploymentId: string, { rolloutId, ordinal }: RolloutRecord): boolean {
    const owner = rolloutOf(deploymentId);
    return owner !== undefined && owner !== rolloutId && (this.ordinals.get(owner) ?? 0) > ordinal;
  }

  /** In the order of their starts, those that have not started last. */
  all(): RolloutRecord[] {
    const order = ({ ordinal }: RolloutRecord): number => (ordinal === 0 ? Number.MAX_SAFE_INTEGER : ordinal);
    return [...this.rollouts.values()].map(({ rollout }) => rollout).toSorted((a, b) => order(a) - order(b));
  }
}
