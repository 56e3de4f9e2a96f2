/** What the fleet knows beside the records: kept as JSON documents, asked for by devices. */
import { Injectable } from '@nestjs/common';
import { BOUNDS, type ContextDocument, type ContextReply, type JsonObject } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { ControlDatabase } from '../db/database.ts';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { FleetError } from '../errors.ts';
import { requireRevision } from '../listing/conditional.ts';
import { Clock } from '../ports/clock.ts';
import { answerContext } from './context-answer.ts';
import { ContextStore, scopeOf } from './context.store.ts';

/** How long a device may use what it got without asking again. */
const MAX_AGE_MS = 300_000;

export interface ContextChange {
  readonly values: JsonObject;
  readonly ifMatch: string | undefined;
}

@Injectable()
export class ContextService {
  private readonly store = new ContextStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly directory: DeviceDirectory;
  private readonly clock: Clock;

  constructor(database: ControlDatabase, audit: AuditService, directory: DeviceDirectory, clock: Clock) {
    this.database = database;
    this.audit = audit;
    this.directory = directory;
    this.clock = clock;
  }

  /** `null`: the fleet's own. @throws FleetError DEVICE_NOT_FOUND */
  async show(deviceId: string | null): Promise<ContextDocument> {
    if (deviceId !== null) this.directory.facts(deviceId);
    const [stored] = await this.store.read(this.database, [scopeOf(deviceId)]);
    return { deviceId, values: {}, revision: 0, updatedAt: null, ...stored };
  }

  /** Replaces the document whole. @throws FleetError DEVICE_NOT_FOUND | REVISION_STALE | CONTEXT_TOO_LARGE */
  async put(actor: Actor, deviceId: string | null, { values, ifMatch }: ContextChange): Promise<ContextDocument> {
    if (deviceId !== null) this.directory.facts(deviceId);
    const scope = scopeOf(deviceId);
    const document = boundedText(scope, values);
    return this.audit.change(async (transaction, record) => {
      const [before] = await this.store.read(transaction, [scope]);
      const current = before?.revision ?? 0;
      requireRevision(ifMatch, current, `The context of ${scope}`);
      const revision = current + 1;
      const updatedAt = this.clock.now();
      const row = { scope, device_id: deviceId, document, revision, updated_at: updatedAt };
      if (!(await this.store.write(transaction, row))) {
        throw new FleetError('REVISION_STALE', `The context of ${scope} was changed meanwhile; read it and try again.`);
      }
      const subject = `context:${scope}`;
      await record({ actor, action: 'context.replaced', subject, before: before?.values ?? null, after: values });
      return { deviceId, values, revision, updatedAt };
    });
  }

  /** The answer to a device. Keys it asked for and nobody knows are listed as missing. */
  async lookUp(deviceId: string, keys: readonly string[] | undefined): Promise<ContextReply> {
    const asOf = this.clock.now();
    const [fleet, device] = await this.store.read(this.database, [scopeOf(null), scopeOf(deviceId)]);
    const labels = this.directory.find(deviceId)?.facts.labels;
    const sources = { fleet: fleet?.values ?? {}, device: device?.values ?? {}, labels };
    return answerContext(sources, { keys, asOf, maxAgeMs: MAX_AGE_MS });
  }
}

/** Both documents together with the labels must fit the frame of one reply. */
const boundedText = (scope: string, values: JsonObject): string => {
  const text = JSON.stringify(values);
  const sizeBytes = Buffer.byteLength(text, 'utf8');
  if (sizeBytes <= BOUNDS.twinBytes) return text;
  const message = `The context of ${scope} would be ${sizeBytes} bytes, ${BOUNDS.twinBytes} at most.`;
  throw new FleetError('CONTEXT_TOO_LARGE', message);
};
