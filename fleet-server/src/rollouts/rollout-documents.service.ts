/** Rollouts and their devices as the API shows them, from what is stored and what devices report now. */
import { Injectable } from '@nestjs/common';
import type { Rollout, RolloutDevice as ShownDevice, RolloutStage } from '@shoal/protocol';
import { ControlDatabase } from '../db/database.ts';
import type { DeviceCount } from './rollouts.store.ts';
import { RolloutEngine } from './rollout-engine.service.ts';
import { CONTROL, UNOPENED, type RolloutDevice, type RolloutRecord } from './rollout.ts';
import { waitsFor } from './rollout-step.ts';
import { RolloutsStore } from './rollouts.store.ts';

@Injectable()
export class RolloutDocuments {
  private readonly store = new RolloutsStore();
  private readonly database: ControlDatabase;
  private readonly engine: RolloutEngine;
  constructor(database: ControlDatabase, engine: RolloutEngine) {
    this.database = database;
    this.engine = engine;
  }

  async of(stored: RolloutRecord): Promise<Rollout> {
    const view = this.engine.book.get(stored.rolloutId);
    if (view === undefined) return shown(stored, await this.store.counts(this.database, stored.rolloutId), null);
    return shown(view.rollout, countsOf(view.devices.values()), waitsFor(view, this.engine.nowFor(view)));
  }

  /** Those that changed since the last call. */
  async takeChanged(): Promise<Rollout[]> {
    const { book } = this.engine;
    const changed = book.takeChanged().flatMap((rolloutId) => book.get(rolloutId)?.rollout ?? []);
    return Promise.all(changed.map((rollout) => this.of(rollout)));
  }

  device(rollout: RolloutRecord, device: RolloutDevice): ShownDevice {
    const { running, report } = this.engine.nowFor({ rollout, devices: new Map() }).observe(device.deviceId);
    const isOurs = report?.deploymentId.startsWith(`${rollout.rolloutId}.`) === true;
    return {
      deviceId: device.deviceId,
      stage: device.stage + 1,
      state: device.state,
      hardwareClass: device.hardwareClass,
      runs: running?.version ?? null,
      ranBefore: device.before?.version ?? null,
      assignedAt: device.assignedAt,
      executedAt: device.executedAt,
      updateState: isOurs ? report.state : null,
      cause: device.cause,
    };
  }
}

const countsOf = (devices: Iterable<RolloutDevice>): DeviceCount[] => {
  const counts = new Map<string, { stage: number; state: RolloutDevice['state']; devices: number }>();
  for (const { stage, state } of devices) {
    const count = counts.get(`${stage}/${state}`) ?? { stage, state, devices: 0 };
    count.devices += 1;
    counts.set(`${stage}/${state}`, count);
  }
  return [...counts.values()];
};

const total = (counts: readonly DeviceCount[]): number => counts.reduce((sum, { devices }) => sum + devices, 0);

const shown = (rollout: RolloutRecord, counts: readonly DeviceCount[], waits: string | null): Rollout => {
  const { rolloutId, definition, state, cause, createdAt, createdBy, approvedBy, startedAt, finishedAt, revision } =
    rollout;
  const stages = definition.stages.map((_, index): RolloutStage => {
    const own = counts.filter(({ stage }) => stage === index);
    const { openedAt, soakingSince, passedAt } = rollout.stages[index] ?? UNOPENED;
    return {
      stage: index + 1,
      devices: total(own),
      counts: Object.fromEntries(own.map((count) => [count.state, count.devices])),
      openedAt,
      soakingSince,
      passedAt,
      waitsFor: index === rollout.stage ? waits : null,
    };
  });
  return {
    rolloutId,
    name: definition.name,
    model: definition.model,
    version: definition.version,
    state,
    cause,
    stage: startedAt === null ? 0 : rollout.stage + 1,
    stages,
    control: total(counts.filter(({ stage }) => stage === CONTROL)),
    digest: rollout.release.digest,
    createdAt,
    createdBy,
    approvedBy,
    startedAt,
    finishedAt,
    revision,
    definition,
  };
};
