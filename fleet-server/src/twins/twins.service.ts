/** The desired side of twins: patching it, showing the whole, and sending it to the device. */
import { Injectable } from '@nestjs/common';
import { encodeFrame, topics, twinDelta, type DesiredTwin, type JsonObject, type Twin } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService, type Recorder } from '../audit/audit.service.ts';
import { ControlDatabase, type Transaction } from '../db/database.ts';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { FleetError } from '../errors.ts';
import { matchesRevision } from '../listing/conditional.ts';
import { DeviceGateway } from '../ports/device-gateway.ts';
import { patchDesired, type DesiredOutcome, type DesiredState } from './desired-patch.ts';
import { boundedDocument } from './reported-state.ts';
import { TwinsStore, type TwinDocument } from './twins.store.ts';

export interface PatchedTwins {
  readonly changed: ReadonlyMap<string, DesiredState>;
  /** DEVICE_NOT_FOUND | DESIRED_INVALID | TWIN_TOO_LARGE; nothing was changed of these. */
  readonly refused: ReadonlyMap<string, FleetError>;
}

export interface DesiredChange {
  readonly patch: JsonObject;
  /** The version it was made for; undefined: whatever the version is. */
  readonly version: number | undefined;
  readonly ifMatch: string | undefined;
}

@Injectable()
export class TwinsService {
  private readonly store = new TwinsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly directory: DeviceDirectory;
  private readonly gateway: DeviceGateway;

  constructor(database: ControlDatabase, audit: AuditService, directory: DeviceDirectory, gateway: DeviceGateway) {
    this.database = database;
    this.audit = audit;
    this.directory = directory;
    this.gateway = gateway;
  }

  /** @throws FleetError DEVICE_NOT_FOUND */
  async show(deviceId: string): Promise<Twin> {
    this.directory.facts(deviceId);
    const { version, desired, reported, reportedAt, appliedVersion } = await this.store.read(this.database, deviceId);
    // What is assigned is reported as how far it is, and never as it is desired.
    const { updates: _updates, ...taken } = desired;
    const delta = twinDelta(taken, reported);
    return { deviceId, version, desired, reported, reportedAt, appliedVersion, delta };
  }

  /**
   * Merges into the desired state and sends it at once to a connected device.
   * @throws FleetError DEVICE_NOT_FOUND | TWIN_VERSION_STALE | DESIRED_INVALID | TWIN_TOO_LARGE
   */
  async patch(actor: Actor, deviceId: string, change: DesiredChange): Promise<Twin> {
    this.directory.facts(deviceId);
    const outcome = await this.audit.change(async (transaction, record): Promise<DesiredOutcome> => {
      const before = await this.store.read(transaction, deviceId);
      requireVersion(deviceId, before, change);
      const patched = patchDesired(before, change.patch);
      if (patched.kind === 'unchanged') return patched;
      const { version, desired } = patched.next;
      const text = boundedDocument(desired, `The desired state of "${deviceId}"`);
      if (!(await this.store.writeDesired(transaction, deviceId, version, text))) throw stale(deviceId, before.version);
      await record({
        actor,
        action: 'twin.desired.changed',
        subject: `device:${deviceId}`,
        before: { version: before.version, desired: before.desired },
        after: { version, desired },
      });
      return patched;
    });
    if (outcome.kind === 'changed') {
      const { version, desired } = outcome.next;
      if (this.advance(deviceId, version)) await this.send(deviceId, { v: 1, version, desired });
    }
    return this.show(deviceId);
  }

  /**
   * Merges into the desired state of several devices inside the caller's transaction. What changed is to be sent with
   * `sendChanged` once that is committed; a kill between the two loses nothing, for devices get their twin when they are back.
   */
  async patchMany(
    transaction: Transaction,
    record: Recorder,
    actor: Actor,
    patches: ReadonlyMap<string, JsonObject>,
  ): Promise<PatchedTwins> {
    const twins = await this.store.readMany(transaction, [...patches.keys()]);
    const changed = new Map<string, DesiredState>();
    const refused = new Map<string, FleetError>();
    for (const [deviceId, patch] of patches) {
      const before = twins.get(deviceId);
      try {
        if (before === undefined) throw new FleetError('DEVICE_NOT_FOUND', `No device "${deviceId}".`);
        const patched = patchDesired(before, patch);
        if (patched.kind === 'unchanged') continue;
        boundedDocument(patched.next.desired, `The desired state of "${deviceId}"`);
        changed.set(deviceId, patched.next);
      } catch (error) {
        if (!(error instanceof FleetError)) throw error;
        refused.set(deviceId, error);
      }
    }
    const written = await this.store.writeManyDesired(transaction, changed);
    for (const deviceId of changed.keys())
      if (!written.has(deviceId)) throw stale(deviceId, twins.get(deviceId)?.version ?? 0);
    await record(
      ...[...changed].map(([deviceId, { version }]) => ({
        actor,
        action: 'twin.desired.changed',
        subject: `device:${deviceId}`,
        before: { version: version - 1 },
        after: { version, patch: patches.get(deviceId) },
      })),
    );
    return { changed, refused };
  }

  /** To those that listen; the others get it when they subscribe. */
  async sendChanged(changed: PatchedTwins['changed']): Promise<void> {
    const overtaking = [...changed].filter(([deviceId, { version }]) => this.advance(deviceId, version));
    await Promise.all(
      overtaking.map(([deviceId, { version, desired }]) => this.send(deviceId, { v: 1, version, desired })),
    );
  }

  async desired(deviceId: string): Promise<DesiredTwin> {
    const { version, desired } = await this.store.read(this.database, deviceId);
    return { v: 1, version, desired };
  }

  /** For a device that has just subscribed; nothing was ever desired of most. */
  async sendIfDesired(deviceId: string): Promise<void> {
    const version = this.directory.find(deviceId)?.facts.twin.version ?? 0;
    if (version > 0) await this.send(deviceId, await this.desired(deviceId));
  }

  /** @returns whether no later version has overtaken this one since it was stored */
  private advance(deviceId: string, version: number): boolean {
    this.directory.update(deviceId, (facts) =>
      facts.twin.version < version ? { ...facts, twin: { ...facts.twin, version } } : facts,
    );
    return this.directory.find(deviceId)?.facts.twin.version === version;
  }

  /** A device that does not listen now gets it when it subscribes. */
  private async send(deviceId: string, twin: DesiredTwin): Promise<void> {
    await this.gateway.send(deviceId, topics.desiredTwin(deviceId), encodeFrame(twin));
  }
}

const stale = (deviceId: string, version: number): FleetError =>
  new FleetError(
    'TWIN_VERSION_STALE',
    `The twin of "${deviceId}" is at version ${version}; read it again and repeat the change.`,
  );

const requireVersion = (deviceId: string, { version }: TwinDocument, change: DesiredChange): void => {
  const fits = change.version === undefined || change.version === version;
  if (!fits || !matchesRevision(change.ifMatch, version)) throw stale(deviceId, version);
};
