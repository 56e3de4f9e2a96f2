/** Alerts as people see them: look, acknowledge, note, end, and silence; each deed in the audit trail. */
import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Alert, AlertPreview, AlertPreviewAnswer, Page, Silence, SilenceCreate } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { requireRevision } from '../listing/conditional.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { AlertStore, type AlertAction } from '../ports/alert-store.ts';
import { Surroundings } from './surroundings.service.ts';
import { WatchedDevices } from './watched-devices.service.ts';

const ID_DIGITS = 16;

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

@Injectable()
export class AlertsService {
  private readonly store: AlertStore;
  private readonly audit: AuditService;
  private readonly devices: WatchedDevices;
  private readonly around: Surroundings;

  constructor(store: AlertStore, audit: AuditService, devices: WatchedDevices, around: Surroundings) {
    this.store = store;
    this.audit = audit;
    this.devices = devices;
    this.around = around;
  }

  /** @throws FleetError ALERT_NOT_FOUND | ALERT_RESOLVED */
  async act(
    actor: Actor,
    { alertId, action, note }: { alertId: string; action: AlertAction; note: string },
    idempotencyKey: string | undefined,
  ): Promise<Alert> {
    const request = idempotencyKey === undefined ? undefined : digest(`${action} ${idempotencyKey}`);
    const deed = { alertId, action, by: actor.principal, note, request };
    const alert = await this.store.act(deed, this.around.clock.now());
    await this.note(actor, `alert.${action}`, `alert:${alertId}`, { note });
    return alert;
  }

  async silences(limit: number, cursor: string | undefined): Promise<Page<Silence>> {
    const after = cursor === undefined ? '' : String(decodeCursor(cursor, ['string'])[0]);
    const all = await this.store.silences(this.around.clock.now());
    const rest = all.filter(({ silenceId }) => silenceId > after);
    const items = rest.slice(0, limit);
    const last = items.at(-1);
    return { items, nextCursor: rest.length > limit && last !== undefined ? encodeCursor([last.silenceId]) : null };
  }

  /** With an Idempotency-Key it is made once. */
  async silence(actor: Actor, create: SilenceCreate, idempotencyKey: string | undefined): Promise<Silence> {
    const now = this.around.clock.now();
    const silence: Silence = {
      silenceId: `s-${digest(idempotencyKey ?? randomUUID()).slice(0, ID_DIGITS)}`,
      rule: create.rule ?? null,
      key: create.key ?? null,
      labels: create.labels,
      until: create.until,
      note: create.note,
      by: actor.principal,
      createdAt: now,
      revision: 1,
    };
    await this.store.silence(silence);
    const stored = (await this.store.silences(now)).find(({ silenceId }) => silenceId === silence.silenceId);
    await this.note(actor, 'alert.silenced', `silence:${silence.silenceId}`, stored ?? silence);
    return stored ?? silence;
  }

  /** @throws FleetError SILENCE_NOT_FOUND | REVISION_STALE */
  async endSilence(actor: Actor, silenceId: string, ifMatch: string | undefined): Promise<void> {
    requireRevision(ifMatch, 1, `Silence ${silenceId}`);
    await this.store.endSilence(silenceId);
    await this.note(actor, 'alert.silence-ended', `silence:${silenceId}`, null);
  }

  preview(preview: AlertPreview): Promise<AlertPreviewAnswer> {
    return this.store.preview(preview, this.devices.all(), this.around.clock.now());
  }

  private note(actor: Actor, action: string, subject: string, after: unknown): Promise<void> {
    return this.audit.change((_, record) => record({ actor, action, subject, before: null, after }));
  }
}
