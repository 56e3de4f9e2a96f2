/** Signs what devices are to run: an entry per device, in one assignment with the other models of the device. */
import { Injectable } from '@nestjs/common';
import type { AssignedModel, JsonObject } from '@shoal/protocol';
import { ModelRegistry } from '../ports/model-registry.ts';
import {
  assignmentFor,
  backwardEntry,
  forwardEntry,
  nextAssignment,
  type DeviceAssignment,
  type ModelChange,
} from './assigned-models.ts';
import { deploymentOf, type RolloutDevice, type RolloutRecord } from './rollout.ts';
import type { Step } from './rollout-step.ts';

export interface SignedChange {
  readonly next: DeviceAssignment;
  /** Of the desired twin. */
  readonly patch: JsonObject;
}

@Injectable()
export class Director {
  private readonly registry: ModelRegistry;
  constructor(registry: ModelRegistry) {
    this.registry = registry;
  }

  /** Device → what is to be stored and desired. `assignmentOf` is what was assigned last. */
  async sign(
    step: Step,
    assignmentOf: (deviceId: string) => DeviceAssignment,
    now: number,
  ): Promise<ReadonlyMap<string, SignedChange>> {
    const { rollout } = step;
    const changed = new Map(step.devices.map((device) => [device.deviceId, device]));
    const changes = new Map<string, ModelChange>();
    const { model } = rollout.definition;
    for (const deviceId of step.withdraw) changes.set(deviceId, { model, entry: null, floor: undefined });
    for (const device of step.assign.map((id) => changed.get(id)))
      if (device) changes.set(device.deviceId, forward(rollout, device));
    for (const device of step.bringBack.map((id) => changed.get(id))) {
      if (device)
        changes.set(device.deviceId, { model, entry: await this.backward(rollout, device), floor: undefined });
    }
    const signed = new Map<string, SignedChange>();
    for (const [deviceId, change] of changes) {
      const next = nextAssignment(assignmentOf(deviceId), change, now);
      const assignment = await this.registry.signAssignment(assignmentFor(deviceId, next, now));
      signed.set(deviceId, { next, patch: { updates: assignment } as unknown as JsonObject });
    }
    return signed;
  }

  /** What it ran before; null where that cannot be had. */
  private async backward(
    { rolloutId, definition }: RolloutRecord,
    { before, attempt }: RolloutDevice,
  ): Promise<AssignedModel | null> {
    if (before === null) return null;
    const release = await this.registry.release(definition.model, before.version);
    // Under this name and version the registry has another bundle, or none: the device keeps what it has, and shows as not back.
    if (release === undefined || (before.digest !== null && before.digest !== release.digest)) return null;
    return backwardEntry(definition, release, deploymentOf(rolloutId, attempt, true));
  }
}

const forward = ({ rolloutId, definition, release }: RolloutRecord, { attempt }: RolloutDevice): ModelChange => {
  const entry: AssignedModel = forwardEntry(definition, release, deploymentOf(rolloutId, attempt, false));
  return { model: definition.model, entry, floor: definition.floor };
};
