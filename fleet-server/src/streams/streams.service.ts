/** Defines streams: stored with a revision, audited, and told to the store of windows, which runs them. */
import { Injectable } from '@nestjs/common';
import { streamHash } from '@shoal/models';
import type { Page, StreamDefinition, StreamDocument } from '@shoal/protocol';
import type { Actor } from '../audit/actor.ts';
import { AuditService, type Recorder } from '../audit/audit.service.ts';
import { ControlDatabase, type StreamRow, type Transaction } from '../db/database.ts';
import { FleetError } from '../errors.ts';
import { requireRevision } from '../listing/conditional.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { StreamRunner } from './stream-runner.service.ts';
import { StreamsStore } from './streams.store.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class StreamsService {
  private readonly rows = new StreamsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly runner: StreamRunner;
  private readonly around: Surroundings;

  constructor(database: ControlDatabase, audit: AuditService, runner: StreamRunner, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.runner = runner;
    this.around = around;
  }

  /** The definitions are the truth: these run and no others, whatever ran before. */
  async start(): Promise<void> {
    await this.runner.adopt((await this.rows.all(this.database)).map(definitionOf));
  }

  async list(limit: number, cursor: string | undefined): Promise<Page<StreamDocument>> {
    const after = cursor === undefined ? '' : String(decodeCursor(cursor, ['string'])[0]);
    const rows = await this.rows.page(this.database, after, limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map(documentOf),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.name]) : null,
    };
  }

  /** @throws FleetError STREAM_NOT_FOUND */
  async show(name: string): Promise<StreamDocument> {
    return documentOf(await this.row(this.database, name));
  }

  /** With an Idempotency-Key the same definition again is answered the same. @throws FleetError STREAM_EXISTS */
  async create(
    actor: Actor,
    definition: StreamDefinition,
    idempotencyKey: string | undefined,
  ): Promise<StreamDocument> {
    return this.change(definition, async (transaction, record) => {
      const before = await this.rows.find(transaction, definition.name);
      if (before !== undefined) {
        if (idempotencyKey !== undefined && before.hash === streamHash(definition)) return before;
        throw new FleetError('STREAM_EXISTS', `Stream ${definition.name} is defined already; replace it with PUT.`);
      }
      return this.write(transaction, record, { actor, definition, before: undefined });
    });
  }

  /** @throws FleetError STREAM_NOT_FOUND | REVISION_STALE */
  async replace(actor: Actor, definition: StreamDefinition, ifMatch: string | undefined): Promise<StreamDocument> {
    return this.change(definition, async (transaction, record) => {
      const before = await this.row(transaction, definition.name);
      requireRevision(ifMatch, before.revision, `Stream ${definition.name}`);
      return before.hash === streamHash(definition)
        ? before
        : this.write(transaction, record, { actor, definition, before });
    });
  }

  /** @throws FleetError STREAM_NOT_FOUND | REVISION_STALE */
  async remove(actor: Actor, name: string, ifMatch: string | undefined): Promise<void> {
    await this.audit.change(async (transaction, record) => {
      const before = await this.row(transaction, name);
      requireRevision(ifMatch, before.revision, `Stream ${name}`);
      await this.rows.remove(transaction, name);
      await record({
        actor,
        action: 'stream.removed',
        subject: `stream:${name}`,
        before: definitionOf(before),
        after: null,
      });
    });
    await this.runner.drop(name);
  }

  /** What is not told to the store now is told to it at the next start: the definition is what was committed. */
  private async change(
    definition: StreamDefinition,
    work: (transaction: Transaction, record: Recorder) => Promise<StreamRow>,
  ): Promise<StreamDocument> {
    const row = await this.audit.change(work);
    await this.runner.run(definition);
    return documentOf(row);
  }

  private async write(
    transaction: Transaction,
    record: Recorder,
    { actor, definition, before }: { actor: Actor; definition: StreamDefinition; before: StreamRow | undefined },
  ): Promise<StreamRow> {
    const row: StreamRow = {
      name: definition.name,
      definition: JSON.stringify(definition),
      hash: streamHash(definition),
      revision: (before?.revision ?? 0) + 1,
      updated_at: this.around.clock.now(),
    };
    if (!(await this.rows.write(transaction, row))) {
      throw new FleetError('REVISION_STALE', `Stream ${row.name} was changed meanwhile; read it and try again.`);
    }
    await record({
      actor,
      action: before === undefined ? 'stream.defined' : 'stream.replaced',
      subject: `stream:${row.name}`,
      before: before === undefined ? null : definitionOf(before),
      after: definition,
    });
    return row;
  }

  private async row(db: ControlDatabase | Transaction, name: string): Promise<StreamRow> {
    const row = await this.rows.find(db, name);
    if (row !== undefined) return row;
    throw new FleetError('STREAM_NOT_FOUND', `No stream "${name}". List them with GET /api/streams.`);
  }
}

const definitionOf = ({ definition }: StreamRow): StreamDefinition => JSON.parse(definition) as StreamDefinition;

const documentOf = (row: StreamRow): StreamDocument => ({
  name: row.name,
  definition: definitionOf(row),
  hash: row.hash,
  revision: row.revision,
  updatedAt: row.updated_at,
});
