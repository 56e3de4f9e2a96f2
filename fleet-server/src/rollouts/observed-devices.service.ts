/** Looks at devices as rollouts need them: who is there, what runs, what was reported, and who may take part. */
import { Injectable } from '@nestjs/common';
import type { RolloutCause, RolloutDefinition } from '@shoal/protocol';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import type { DeviceFacts } from '../devices/device-facts.ts';
import { matchesLabels, parseLabelFilter } from '../devices/device-labels.ts';
import { modelsOf, type RosterEntry } from '../devices/device-roster.ts';
import { FleetError } from '../errors.ts';
import type { ModelRelease } from '../ports/model-registry.ts';
import type { DeviceAssignment } from './assigned-models.ts';
import type { Candidate } from './cohort-draw.ts';
import { unfitness } from './compatibility.ts';
import type { Observation } from './device-verdict.ts';
import { RolloutReleases } from './rollout-releases.service.ts';
import type { RolloutRecord } from './rollout.ts';
import { Surroundings } from './surroundings.service.ts';

/** In place of the class of a device that was never born. */
const UNKNOWN_CLASS = 'unknown';

export interface Cohort {
  readonly candidates: readonly Candidate[];
  readonly excluded: readonly { readonly deviceId: string; readonly cause: RolloutCause }[];
}

@Injectable()
export class ObservedDevices {
  private readonly directory: DeviceDirectory;
  private readonly releases: RolloutReleases;
  private readonly around: Surroundings;
  private readonly startedAt: number;
  constructor(directory: DeviceDirectory, releases: RolloutReleases, around: Surroundings) {
    this.directory = directory;
    this.releases = releases;
    this.around = around;
    this.startedAt = around.clock.now();
  }

  observe(
    deviceId: string,
    model: string,
    assignment: DeviceAssignment,
    isNewer: (deploymentId: string) => boolean,
  ): Observation {
    const entry = this.directory.find(deviceId);
    const assigned = assignment.models.find(({ name }) => name === model)?.deploymentId ?? null;
    const isTaken = assigned !== null && isNewer(assigned);
    const watchedSince = this.startedAt;
    if (entry === undefined) return { ...NOBODY, watchedSince, assigned, isTaken };
    const { facts, verdict } = entry;
    return {
      presence: this.presenceOf(facts),
      watchedSince,
      isUnwell: verdict.state === 'degraded' || (facts.presence.kind === 'offline' && facts.presence.reason === 'lost'),
      startedAt: facts.birth?.startedAt ?? null,
      running: runningOf(facts, model),
      report: facts.twin.reported.updates?.[model] ?? null,
      assigned,
      isTaken,
    };
  }

  /** Who matches the labels, split by whether the release can run there. @throws FleetError REQUEST_INVALID */
  cohort(
    { cohort: { labels }, source }: RolloutDefinition,
    release: ModelRelease,
    floorOf: (deviceId: string) => number,
  ): Cohort {
    const candidates: Candidate[] = [];
    const excluded: { deviceId: string; cause: RolloutCause }[] = [];
    for (const { facts } of this.matching(labels)) {
      const { deviceId } = facts;
      const running = runningOf(facts, release.name);
      const cause = unfitness(release, {
        birth: facts.birth,
        running,
        mayBeNew: source !== undefined,
        floor: floorOf(deviceId),
      });
      if (cause === null) candidates.push({ deviceId, hardwareClass: facts.birth?.hardwareClass ?? UNKNOWN_CLASS });
      else excluded.push({ deviceId, cause });
    }
    return { candidates, excluded };
  }

  /** Who may take part now. @throws FleetError MODEL_RELEASE_NOT_FOUND */
  async candidates(rollout: RolloutRecord, floorOf: (deviceId: string) => number): Promise<readonly Candidate[]> {
    const release = await this.releases.of(rollout);
    return this.cohort(rollout.definition, release, floorOf).candidates;
  }

  isOnline(deviceId: string): boolean {
    return this.directory.find(deviceId)?.facts.presence.kind === 'online';
  }

  private matching(labels: string | undefined): RosterEntry[] {
    const terms = labels === undefined ? [] : parseLabelFilter(labels);
    if (terms === undefined) {
      const faults = [{ path: 'cohort.labels', message: 'expected key=value or key, several separated by commas' }];
      throw new FleetError('REQUEST_INVALID', 'The label filter has a term without a key.', { faults });
    }
    return [...this.directory.entries()].filter(({ facts }) => matchesLabels(facts.labels, terms));
  }

  private presenceOf({ presence }: DeviceFacts): Observation['presence'] {
    if (presence.kind === 'online') return 'online';
    if (presence.kind === 'never-connected') return 'away';
    return this.around.clock.now() - presence.since < this.around.config.lateAfterMs ? 'unclear' : 'away';
  }
}

const NOBODY: Observation = {
  presence: 'away',
  watchedSince: 0,
  isUnwell: false,
  startedAt: null,
  running: null,
  report: null,
  assigned: null,
  isTaken: false,
};

const runningOf = (facts: DeviceFacts, name: string): Observation['running'] => {
  const model = modelsOf(facts).find((candidate) => candidate.name === name);
  return model === undefined ? null : { version: model.version, digest: model.digest ?? null };
};
