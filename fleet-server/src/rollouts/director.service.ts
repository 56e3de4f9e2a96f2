/** Signs what devices are to run: an entry per device, in one assignment with the other models of the device. */
import { Injectable } from '@nestjs/common';
import type { AssignedModel, JsonObject } from '@shoal/protocol';
import { ModelRegistry } from '../ports/model-registry.ts';
import { assignmentFor, backwardEntry, forwardEntry, nextAssignment, type DeviceAssignment, type ModelChange } from './assigned-models.ts';
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
    const changed = new Map(step.devices.map((device) => [device.deviceId, device]));
    const signed = new Map<string, SignedChange>();
    const change = async (deviceId: string, make: (device: RolloutDevice) => Promise<ModelChange>): Promise<void> => {
      const device = changed.get(deviceId);
      if (device === undefined) return;
      const next = nextAssignment(assignmentOf(deviceId), await make(device), now);
      const assignment = await this.registry.signAssignment(assignmentFor(deviceId, next, now));
      signed.set(deviceId, { next, patch: { updates: assignment } as unknown as JsonObject });
    };
    const { rollout } = step;
    for (const deviceId of step.assign) await change(deviceId, async (device) => forward(rollout, device));
    for (const deviceId of [...step.bringBack, ...step.withdraw]) {
      await change(deviceId, (device) => this.backward(rollout, device));
    }
    return signed;
  }

  /** What it ran before, where the registry has it; otherwise the model is assigned no longer, and the device keeps what it has. */
  private async backward(rollout: RolloutRecord, { before, attempt }: RolloutDevice): Promise<ModelChange> {
    const { model } = rollout.definition;
    const release = before === null ? undefined : await this.registry.release(model, before.version);
    const isSame = release !== undefined && (before?.digest === null || before?.digest === release.digest);
    const entry = isSame ? backwardEntry(rollout.definition, release, deploymentOf(rollout.rolloutId, attempt, true)) : null;
    return { model, entry, floor: undefined };
  }
}

const forward = ({ rolloutId, definition, release }: RolloutRecord, { attempt }: RolloutDevice): ModelChange => {
  const entry: AssignedModel = forwardEntry(definition, release, deploymentOf(rolloutId, attempt, false));
  return { model: definition.model, entry, floor: definition.floor };
};
