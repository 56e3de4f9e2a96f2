/** Changes of webhook secrets, written to the audit trail without what they are. */
import { Injectable } from '@nestjs/common';
import type { DeliveryChannel, Page, WebhookSecret, WebhookSecretShown } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService } from '../audit/audit.service.ts';
import { requireRevision } from '../listing/conditional.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { DEFAULT_SECRET } from './channel-sender.service.ts';
import { Surroundings } from './surroundings.service.ts';
import { WebhookSecrets } from './webhook-secrets.ts';

@Injectable()
export class WebhookSecretsService {
  private readonly secrets: WebhookSecrets;
  private readonly audit: AuditService;
  private readonly around: Surroundings;

  constructor(secrets: WebhookSecrets, audit: AuditService, around: Surroundings) {
    this.secrets = secrets;
    this.audit = audit;
    this.around = around;
  }

  /** What signs when no name is given is made with the server; `rotate` shows another. */
  async start(): Promise<void> {
    const known = await this.secrets.list(this.around.clock.now());
    if (!known.some(({ name }) => name === DEFAULT_SECRET)) await this.secrets.create(DEFAULT_SECRET);
  }

  async list(limit: number, cursor: string | undefined): Promise<Page<WebhookSecret>> {
    const after = cursor === undefined ? '' : String(decodeCursor(cursor, ['string'])[0]);
    const rest = (await this.secrets.list(this.around.clock.now())).filter(({ name }) => name > after);
    const items = rest.slice(0, limit);
    const last = items.at(-1);
    return { items, nextCursor: rest.length > limit && last !== undefined ? encodeCursor([last.name]) : null };
  }

  /** Of what is about to be told of them. @throws FleetError WEBHOOK_SECRET_NOT_FOUND | WEBHOOK_SECRET_UNREADABLE */
  async requireOf(channels: readonly DeliveryChannel[]): Promise<void> {
    const now = this.around.clock.now();
    for (const channel of channels) {
      if (channel.type === 'webhook') await this.secrets.show(channel.secretName ?? DEFAULT_SECRET, now);
    }
  }

  /** @throws FleetError WEBHOOK_SECRET_EXISTS | WEBHOOK_SECRET_UNREADABLE */
  async create(actor: Actor, name: string, idempotencyKey: string | undefined): Promise<WebhookSecretShown> {
    const secret = await this.secrets.create(name, idempotencyKey);
    await this.note(actor, 'webhook-secret.created', name);
    return { ...(await this.secrets.show(name, this.around.clock.now())), secret };
  }

  /** @throws FleetError WEBHOOK_SECRET_NOT_FOUND | REVISION_STALE | WEBHOOK_SECRET_UNREADABLE */
  async rotate(
    actor: Actor,
    { name, keepOldMs, ifMatch }: { name: string; keepOldMs: number; ifMatch: string | undefined },
  ): Promise<WebhookSecretShown> {
    const now = this.around.clock.now();
    requireRevision(ifMatch, (await this.secrets.show(name, now)).revision, `Webhook secret ${name}`);
    const secret = await this.secrets.rotate(name, now + keepOldMs);
    await this.note(actor, 'webhook-secret.replaced', name);
    return { ...(await this.secrets.show(name, now)), secret };
  }

  /** @throws FleetError WEBHOOK_SECRET_NOT_FOUND | REVISION_STALE */
  async remove(actor: Actor, name: string, ifMatch: string | undefined): Promise<void> {
    const { revision } = await this.secrets.show(name, this.around.clock.now());
    requireRevision(ifMatch, revision, `Webhook secret ${name}`);
    await this.secrets.remove(name);
    await this.note(actor, 'webhook-secret.removed', name);
  }

  private note(actor: Actor, action: string, name: string): Promise<void> {
    const subject = `webhook-secret:${name}`;
    return this.audit.change((_, record) => record({ actor, action, subject, before: null, after: null }));
  }
}
