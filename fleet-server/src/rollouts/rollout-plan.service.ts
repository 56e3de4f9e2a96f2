/** Says what a rollout would do now, without doing it. */
import { Injectable } from '@nestjs/common';
import type { RolloutDefinition, RolloutPlan } from '@shoal/protocol';
import { drawCohort, type Candidate } from './cohort-draw.ts';
import { ObservedDevices } from './observed-devices.service.ts';
import { CONTROL, ENDED } from './rollout.ts';
import { RolloutEngine } from './rollout-engine.service.ts';
import { RolloutReleases } from './rollout-releases.service.ts';

const EXCLUDED_SHOWN = 100;
/** The draw hangs on the id, which a plan has none of; the sizes do not. */
const NO_ID = 'plan';

@Injectable()
export class RolloutPlanner {
  private readonly engine: RolloutEngine;
  private readonly devices: ObservedDevices;
  private readonly releases: RolloutReleases;
  constructor(engine: RolloutEngine, devices: ObservedDevices, releases: RolloutReleases) {
    this.engine = engine;
    this.devices = devices;
    this.releases = releases;
  }

  /** @throws FleetError MODEL_RELEASE_NOT_FOUND | REQUEST_INVALID */
  async plan(definition: RolloutDefinition): Promise<RolloutPlan> {
    const { model } = definition;
    const release = await this.releases.find(model, definition.version);
    const { candidates, excluded } = this.devices.cohort(definition, release, this.engine.floorOf(model));
    const stageOf = drawCohort(NO_ID, candidates, definition);
    const inStage = (stage: number): Candidate[] =>
      candidates.filter(({ deviceId }) => stageOf.get(deviceId) === stage);
    const open = this.engine.book
      .all()
      .filter((other) => other.definition.model === model && !ENDED.includes(other.state));
    const { version, digest, releaseCounter, lengthBytes } = release;
    return {
      release: { version, digest, releaseCounter, lengthBytes },
      matching: candidates.length + excluded.length,
      stages: definition.stages.map((_, index) => {
        const devices = inStage(index);
        return {
          stage: index + 1,
          devices: devices.length,
          offline: devices.filter(({ deviceId }) => !this.devices.isOnline(deviceId)).length,
          byHardwareClass: counted(devices.map(({ hardwareClass }) => hardwareClass)),
        };
      }),
      control: inStage(CONTROL).length,
      notReached: candidates.length - stageOf.size,
      excluded: excluded.slice(0, EXCLUDED_SHOWN),
      excludedBy: counted(excluded.map(({ cause }) => cause.code)),
      supersedes: open.map(({ rolloutId }) => rolloutId),
    };
  }
}

const counted = (words: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
};
