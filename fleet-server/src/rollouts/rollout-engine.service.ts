/** Drives rollouts: one step after the other, each committed before the next is decided, until nothing is left to do now. */
import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { SYSTEM, type Actor } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import { drawCohort, type Candidate } from './cohort-draw.ts';
import { ObservedDevices } from './observed-devices.service.ts';
import { actOn, type Deed } from './rollout-actions.ts';
import type { RolloutBook } from './rollout-book.ts';
import { RolloutCommits } from './rollout-commits.service.ts';
import { RolloutLoader } from './rollout-loader.service.ts';
import { ENDED, newDevice, type RolloutRecord } from './rollout.ts';
import { decideStep, type Now, type RolloutView, type Step } from './rollout-step.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class RolloutEngine {
  private readonly commits: RolloutCommits;
  private readonly loader: RolloutLoader;
  private readonly devices: ObservedDevices;
  private readonly around: Surroundings;
  private isLoaded = false;
  private lane: Promise<unknown> = Promise.resolve();

  constructor(commits: RolloutCommits, loader: RolloutLoader, devices: ObservedDevices, around: Surroundings) {
    this.commits = commits;
    this.loader = loader;
    this.devices = devices;
    this.around = around;
  }

  /** As it is after the last commit. */
  get book(): RolloutBook {
    return this.commits.book;
  }

  /** Takes every followed rollout as far as it goes now. @throws as the database does; the next call begins from what is stored */
  tick(): Promise<void> {
    return this.inTurn(async () => {
      for (const { rolloutId } of this.book.all()) await this.drive(rolloutId);
    });
  }

  /** Adds a rollout that was just stored. */
  adopt(rollout: RolloutRecord): Promise<void> {
    return this.inTurn(async () => {
      if (this.book.get(rollout.rolloutId) === undefined) this.book.put(rollout, []);
    });
  }

  /** @throws FleetError ROLLOUT_NOT_FOUND | ROLLOUT_STATE | APPROVAL_OWN */
  act(actor: Actor, rolloutId: string, deed: Omit<Deed, 'principal'>): Promise<RolloutRecord> {
    return this.inTurn(async () => {
      const view = await this.require(rolloutId);
      const acted = actOn(view, { ...deed, principal: actor.principal });
      await this.commitStep({ ...acted, assign: [], bringBack: [], withdraw: [] }, actor);
      await this.drive(rolloutId);
      return (await this.require(rolloutId)).rollout;
    });
  }

  /** One after the other. After a failure memory is thrown away: what is stored is the truth. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.lane.then(async () => {
      if (!this.isLoaded) await this.loader.fill(this.book);
      this.isLoaded = true;
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof FleetError) || error.status >= 500 || error.code === 'REVISION_STALE')
          this.isLoaded = false;
        throw error;
      }
    });
    this.lane = turn.catch(() => undefined);
    return turn;
  }

  private async require(rolloutId: string): Promise<RolloutView> {
    const known = this.book.get(rolloutId);
    if (known !== undefined) return known;
    await this.loader.addById(this.book, rolloutId);
    return this.require(rolloutId);
  }

  private async drive(rolloutId: string): Promise<void> {
    const view = this.book.get(rolloutId);
    if (view === undefined) return;
    if (view.rollout.state === 'scheduled') await this.begin(view.rollout);
    let step = await this.decide(rolloutId);
    while (step !== undefined) {
      await this.commitStep(step);
      // Others have their turn between two transactions of a large stage.
      await setImmediate();
      step = await this.decide(rolloutId);
    }
  }

  /** @returns undefined when nothing is to be done now */
  private async decide(rolloutId: string): Promise<Step | undefined> {
    const view = this.book.get(rolloutId);
    if (view === undefined || view.rollout.startedAt === null) return undefined;
    const step = decideStep(view, { ...this.nowFor(view), joiners: await this.joiners(view) });
    const isIdle = step.rollout === view.rollout && step.devices.length === 0 && step.events.length === 0;
    return isIdle ? undefined : step;
  }

  nowFor({ rollout }: RolloutView): Omit<Now, 'joiners'> {
    const { model } = rollout.definition;
    return {
      now: this.around.clock.now(),
      most: this.around.config.perTransaction,
      observe: (deviceId) =>
        this.devices.observe(deviceId, model, this.book.assignment(deviceId), (deployment) =>
          this.book.isNewer(deployment, rollout),
        ),
    };
  }

  private async joiners({ rollout, devices: known }: RolloutView): Promise<Candidate[]> {
    const isOpen = rollout.state === 'running' || rollout.state === 'completed';
    if (rollout.definition.cohort.kind !== 'open' || !isOpen) return [];
    const candidates = await this.devices.candidates(rollout, this.floorOf(rollout.definition.model));
    return candidates.filter(({ deviceId }) => !known.has(deviceId));
  }

  floorOf(model: string): (deviceId: string) => number {
    return (deviceId) => this.book.assignment(deviceId).floors[model] ?? 0;
  }

  /** Draws the cohort and opens the first stage, in one transaction. */
  private async begin(rollout: RolloutRecord): Promise<void> {
    const now = this.around.clock.now();
    const { definition, rolloutId } = rollout;
    if (definition.startAt !== undefined && now < definition.startAt) return;
    const candidates = await this.devices.candidates(rollout, this.floorOf(definition.model));
    const stageOf = drawCohort(rolloutId, candidates, definition);
    const devices = candidates.flatMap((candidate) => {
      const stage = stageOf.get(candidate.deviceId);
      return stage === undefined ? [] : [newDevice(candidate, stage)];
    });
    const stages = rollout.stages.map((progress, index) => (index === 0 ? { ...progress, openedAt: now } : progress));
    const started = {
      ...rollout,
      state: 'running',
      ordinal: this.book.highestOrdinal + 1,
      startedAt: now,
      stages,
    } as const;
    const opened = { stage: 1, deviceId: null, cause: null };
    const events = [
      { ...opened, kind: 'started' },
      { ...opened, kind: 'stage.opened' },
    ];
    await this.commitStep({ rollout: started, devices, assign: [], bringBack: [], withdraw: [], events });
    for (const other of this.book.all()) {
      const isPast =
        other.rolloutId !== rolloutId && other.definition.model === definition.model && ENDED.includes(other.state);
      if (isPast) this.book.drop(other.rolloutId);
    }
  }

  private async commitStep(step: Step, actor: Actor = SYSTEM): Promise<void> {
    await this.commits.commit(step, actor);
    for (const { kind } of step.events) this.around.metrics.count('rollout_events_total', 1, { kind });
  }
}
