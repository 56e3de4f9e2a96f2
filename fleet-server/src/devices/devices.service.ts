/** The registry of devices: registering before the first contact, and labelling. */
import { Injectable } from '@nestjs/common';
import type { Device, Labels } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { FleetError } from '../errors.ts';
import { requireRevision } from '../listing/conditional.ts';
import { Clock } from '../ports/clock.ts';
import { NO_TWIN } from './device-facts.ts';
import { DeviceDirectory } from './device-directory.service.ts';
import { LABELS_PER_DEVICE, patchLabels } from './device-labels.ts';
import { DevicesStore } from './devices.store.ts';

export interface NewDevice {
  readonly deviceId: string;
  readonly labels: Labels;
  readonly idempotencyKey: string | undefined;
}

/** One change of labels. `ifMatch` as in the header of the same name. */
export interface LabelChange {
  readonly patch: Readonly<Record<string, string | null>>;
  readonly ifMatch: string | undefined;
}

@Injectable()
export class DevicesService {
  private readonly store = new DevicesStore();
  private readonly audit: AuditService;
  private readonly directory: DeviceDirectory;
  private readonly clock: Clock;
  constructor(audit: AuditService, directory: DeviceDirectory, clock: Clock) {
    this.audit = audit;
    this.directory = directory;
    this.clock = clock;
  }

  /**
   * The same request with the same idempotency key registers once and is answered again.
   * @throws FleetError DEVICE_EXISTS | IDEMPOTENCY_KEY_REUSED | LABELS_TOO_MANY
   */
  async register(actor: Actor, { deviceId, labels, idempotencyKey }: NewDevice): Promise<Device> {
    requireFewLabels(deviceId, labels);
    const at = this.clock.now();
    const request = idempotencyKey === undefined ? null : JSON.stringify([idempotencyKey, labels]);
    const isNew = await this.audit.change(async (transaction, record) => {
      const row = {
        device_id: deviceId,
        labels: JSON.stringify(labels),
        revision: 0,
        registered_at: at,
        first_seen_at: null,
        birth: null,
        creation_request: request,
      };
      if (!(await this.store.insert(transaction, row))) {
        requireRepetition(deviceId, request, await this.store.creationRequest(transaction, deviceId));
        return false;
      }
      const subject = `device:${deviceId}`;
      await record({ actor, action: 'device.registered', subject, before: null, after: { labels } });
      return true;
    });
    if (!isNew) return this.directory.show(deviceId);
    return this.directory.add({
      deviceId,
      labels,
      revision: 0,
      registeredAt: at,
      firstSeenAt: null,
      birth: null,
      presence: { kind: 'never-connected', since: at },
      twin: NO_TWIN,
      clockBadSince: null,
    });
  }

  /** @throws FleetError DEVICE_NOT_FOUND | REVISION_STALE | LABELS_TOO_MANY */
  async label(actor: Actor, deviceId: string, { patch, ifMatch }: LabelChange): Promise<Device> {
    this.directory.facts(deviceId);
    const changed = await this.audit.change(async (transaction, record) => {
      const { labels: before, revision } = await this.store.readLabels(transaction, deviceId);
      requireRevision(ifMatch, revision, `Device "${deviceId}"`);
      const labels = patchLabels(before, patch);
      requireFewLabels(deviceId, labels);
      if (!(await this.store.updateLabels(transaction, deviceId, JSON.stringify(labels), revision))) {
        throw new FleetError('REVISION_STALE', `Device "${deviceId}" was changed meanwhile; read it and try again.`);
      }
      const subject = `device:${deviceId}`;
      await record({ actor, action: 'device.labels.changed', subject, before, after: labels });
      return { labels, revision: revision + 1 };
    });
    this.directory.update(deviceId, (facts) => (facts.revision < changed.revision ? { ...facts, ...changed } : facts));
    return this.directory.show(deviceId);
  }
}

const keyOf = (request: string | null): unknown => (request === null ? null : (JSON.parse(request) as unknown[])[0]);

/** The device is there already: only the request that registered it may come again. */
const requireRepetition = (deviceId: string, request: string | null, original: string | null): void => {
  if (request !== null && request === original) return;
  if (request !== null && keyOf(request) === keyOf(original)) {
    throw new FleetError('IDEMPOTENCY_KEY_REUSED', `"${deviceId}" was registered with this key and other labels.`);
  }
  throw new FleetError('DEVICE_EXISTS', `Device "${deviceId}" is registered already; change it with PATCH.`);
};

const requireFewLabels = (deviceId: string, labels: Labels): void => {
  const count = Object.keys(labels).length;
  if (count <= LABELS_PER_DEVICE) return;
  throw new FleetError(
    'LABELS_TOO_MANY',
    `Device "${deviceId}" would have ${count} labels, ${LABELS_PER_DEVICE} at most.`,
  );
};
