/** Writes a step of a rollout: its rows, the assignments and the desired twins in one transaction; then memory, then who listens. */
import { Injectable } from '@nestjs/common';
import type { Actor } from '../audit/actor.ts';
import { AuditService, type Recorder } from '../audit/audit.service.ts';
import type { Transaction } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { TwinsService, type PatchedTwins } from '../twins/twins.service.ts';
import { Director, type SignedChange } from './director.service.ts';
import { RolloutBook } from './rollout-book.ts';
import type { RolloutDevice, RolloutRecord, TimelineEntry } from './rollout.ts';
import type { Step } from './rollout-step.ts';
import { RolloutsStore } from './rollouts.store.ts';
import { Surroundings } from './surroundings.service.ts';

const NO_TWINS: PatchedTwins = { changed: new Map(), refused: new Map() };

@Injectable()
export class RolloutCommits {
  private readonly store = new RolloutsStore();
  readonly book = new RolloutBook();
  private readonly audit: AuditService;
  private readonly twins: TwinsService;
  private readonly director: Director;
  private readonly around: Surroundings;
  constructor(audit: AuditService, twins: TwinsService, director: Director, around: Surroundings) {
    this.audit = audit;
    this.twins = twins;
    this.director = director;
    this.around = around;
  }

  /**
   * The intent is committed before anything leaves: killed anywhere, the next start finds the step done or not begun.
   * @throws FleetError REVISION_STALE | DATABASE_UNAVAILABLE, and what signing throws: nothing was changed
   */
  async commit(step: Step, actor: Actor): Promise<void> {
    const { book } = this;
    const before = book.get(step.rollout.rolloutId)?.rollout;
    const isChanged = before !== step.rollout;
    const rollout = isChanged ? { ...step.rollout, revision: (before?.revision ?? 0) + 1 } : step.rollout;
    const at = this.around.clock.now();
    const signed = await this.director.sign(step, (deviceId) => book.assignment(deviceId), at);
    const { twins, devices } = await this.audit.change(async (transaction, record) => {
      const patched = await this.desire(transaction, record, signed, actor);
      const written = step.devices.map((device) => afterRefusal(device, patched));
      if (isChanged && !(await this.store.update(transaction, rollout))) throw stale(rollout);
      await this.store.putDevices(transaction, rollout.rolloutId, written);
      const entries = [...step.events, ...refusals(written, patched)];
      await this.store.appendEvents(transaction, rollout.rolloutId, { at, principal: actor.principal, entries });
      await this.record(record, rollout, actor, step.events);
      return { twins: patched, devices: written };
    });
    book.put(rollout, devices);
    book.assign([...signed].filter(([id]) => !twins.refused.has(id)).map(([id, { next }]) => [id, next] as const));
    await this.twins.sendChanged(twins.changed);
  }

  private async desire(
    transaction: Transaction,
    record: Recorder,
    signed: ReadonlyMap<string, SignedChange>,
    actor: Actor,
  ): Promise<PatchedTwins> {
    if (signed.size === 0) return NO_TWINS;
    const patches = new Map([...signed].map(([deviceId, { patch }]) => [deviceId, patch] as const));
    const patched = await this.twins.patchMany(transaction, record, actor, patches);
    const kept = [...signed].filter(([deviceId]) => !patched.refused.has(deviceId));
    await this.store.putAssignments(transaction, new Map(kept.map(([deviceId, { next }]) => [deviceId, next])));
    return patched;
  }

  /** What concerns single devices is in the timeline, and as a change of their twin. */
  private async record(
    record: Recorder,
    { rolloutId, state }: RolloutRecord,
    actor: Actor,
    events: readonly TimelineEntry[],
  ): Promise<void> {
    const notes = events.filter(({ deviceId }) => deviceId === null);
    await record(
      ...notes.map(({ kind, stage, cause }) => ({
        actor,
        action: `rollout.${kind}`,
        subject: `rollout:${rolloutId}`,
        before: null,
        after: { state, stage, cause },
      })),
    );
  }
}

const stale = ({ rolloutId }: RolloutRecord): FleetError =>
  new FleetError('REVISION_STALE', `Rollout ${rolloutId} was changed meanwhile; read it and try again.`);

/** A device whose twin can not take the assignment has failed; one that is gone is away. */
const afterRefusal = (device: RolloutDevice, { refused }: PatchedTwins): RolloutDevice => {
  const error = refused.get(device.deviceId);
  if (error === undefined) return device;
  if (error.code === 'DEVICE_NOT_FOUND') return { ...device, state: 'late', assignedAt: null, clockAt: null };
  const state = device.state === 'rolling-back' ? 'rollback-failed' : 'failed';
  return { ...device, state, cause: { code: error.code, message: error.message.slice(0, 512) } };
};

const refusals = (devices: readonly RolloutDevice[], { refused }: PatchedTwins): TimelineEntry[] =>
  devices
    .filter(({ deviceId, state }) => refused.has(deviceId) && state !== 'late')
    .map(({ deviceId, state, stage, cause }) => ({ kind: `device.${state}`, stage: stage + 1, deviceId, cause }));
