/** Takes images in, streamed to disk and hashed on the way; lists them; removes those that nobody needs. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import type { Page, SystemImage, SystemImageQuery } from '@shoal/protocol';
import type { Actor } from '../../audit/actor.ts';
import { AuditService } from '../../audit/audit.service.ts';
import { ControlDatabase, type SystemImageRow, type Transaction } from '../../db/database.ts';
import { FleetError } from '../../errors.ts';
import { decodeCursor, encodeCursor } from '../../listing/cursor.ts';
import { SystemImageStore, type StagedArtifact } from '../../ports/artifact-store.ts';
import { ActionsStore } from './actions.store.ts';
import { ImagesStore } from './images.store.ts';
import { Surroundings } from './surroundings.service.ts';
import { TargetsStore } from './targets.store.ts';
import { imageView } from './views.ts';

/** On their way at once: each holds as much disk as it is long. */
const MAX_UPLOADS = 2;

export interface NewImage {
  readonly name: string;
  readonly version: string;
  readonly fileName?: string | undefined;
}

type Arrived = Pick<SystemImageRow, 'sha256' | 'sha1' | 'md5' | 'length_bytes'>;

@Injectable()
export class SystemImages {
  private readonly rows = new ImagesStore();
  private readonly actions = new ActionsStore();
  private readonly targets = new TargetsStore();
  private readonly database: ControlDatabase;
  private readonly audit: AuditService;
  private readonly contents: SystemImageStore;
  private readonly around: Surroundings;
  private uploads = 0;
  private lane: Promise<unknown> = Promise.resolve();

  constructor(database: ControlDatabase, audit: AuditService, contents: SystemImageStore, around: Surroundings) {
    this.database = database;
    this.audit = audit;
    this.contents = contents;
    this.around = around;
  }

  /** What a kill left behind without a row goes. */
  async start(): Promise<void> {
    await this.contents.retainOnly(await this.rows.contents(this.database));
  }

  /**
   * Content first, then row and audit in one transaction: what is listed can be fetched.
   * @throws FleetError SYSTEM_UPLOADS_TOO_MANY | REQUEST_TOO_LARGE | SYSTEM_UPLOAD_INTERRUPTED | SYSTEM_IMAGE_TAKEN |
   * SYSTEM_IMAGE_EMPTY | SYSTEM_IMAGES_TOO_MANY | ARTIFACT_STORE_UNAVAILABLE
   */
  async upload(actor: Actor, image: NewImage, content: Readable): Promise<SystemImage> {
    if (this.uploads >= MAX_UPLOADS)
      throw new FleetError('SYSTEM_UPLOADS_TOO_MANY', `${MAX_UPLOADS} images are on their way; try again in a moment.`);
    this.uploads += 1;
    try {
      return imageView(await this.take(actor, image, content));
    } finally {
      this.uploads -= 1;
    }
  }

  /** The newest first. */
  async list(query: Partial<SystemImageQuery>, limit: number, cursor: string | undefined): Promise<Page<SystemImage>> {
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : (decodeCursor(cursor, ['number'])[0] as number);
    const rows = await this.rows.page(this.database, query, before, limit + 1);
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map(imageView),
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.image_number]) : null,
    };
  }

  /** @throws FleetError SYSTEM_IMAGE_NOT_FOUND */
  async show(image: string): Promise<SystemImage> {
    return imageView(required(await this.rows.find(this.database, image), image));
  }

  /** @throws FleetError SYSTEM_IMAGE_NOT_FOUND | SYSTEM_IMAGE_IN_USE */
  async remove(actor: Actor, image: string): Promise<void> {
    await this.alone(() => this.drop(actor, image));
  }

  private async drop(actor: Actor, image: string): Promise<void> {
    const orphan = await this.audit.change(async (transaction, record) => {
      const row = required(await this.rows.find(transaction, image), image);
      const reasons = [
        ...((await this.actions.isNeeded(transaction, image)) ? ['an open action needs it'] : []),
        ...((await this.targets.isInstalled(transaction, image)) ? ['a target has it installed'] : []),
      ];
      if (reasons.length > 0)
        throw new FleetError('SYSTEM_IMAGE_IN_USE', `${image} cannot be removed: ${reasons.join(', ')}.`);
      await this.rows.remove(transaction, image);
      await record({
        actor,
        action: 'system-image.removed',
        subject: `system-image:${image}`,
        before: row,
        after: null,
      });
      return (await this.rows.ofContent(transaction, row.sha256)) === undefined ? row.sha256 : undefined;
    });
    // A kill before this leaves a file that nothing names; the next start takes it away.
    if (orphan !== undefined) await this.contents.remove(orphan);
  }

  private async take(actor: Actor, image: NewImage, content: Readable): Promise<SystemImageRow> {
    const [sha1, md5] = [createHash('sha1'), createHash('md5')];
    const passing = arriving(content, (bytes) => {
      sha1.update(bytes);
      md5.update(bytes);
    });
    const staged = await this.contents.stage(passing, this.around.config.maxImageBytes);
    try {
      if (staged.lengthBytes === 0)
        throw new FleetError('SYSTEM_IMAGE_EMPTY', 'No byte came; send the image as the body.');
      const { sha256, lengthBytes } = staged;
      const arrived = { sha256, sha1: sha1.digest('hex'), md5: md5.digest('hex'), length_bytes: lengthBytes };
      return await this.alone(() => this.keep(actor, image, arrived, staged));
    } finally {
      await staged.discard();
    }
  }

  private async keep(actor: Actor, image: NewImage, arrived: Arrived, staged: StagedArtifact): Promise<SystemImageRow> {
    const known = await this.known(this.database, image, arrived);
    if (known !== undefined) return known;
    await staged.keep();
    return this.audit.change(async (transaction, record) => {
      const meanwhile = await this.known(transaction, image, arrived);
      if (meanwhile !== undefined) return meanwhile;
      const { name, version, fileName = `${name}-${version}.swu` } = image;
      const row: SystemImageRow = {
        ...arrived,
        image_number: await this.rows.nextNumber(transaction, 'image'),
        image: `${name}@${version}`,
        name,
        version,
        file_name: fileName,
        created_at: this.around.clock.now(),
        created_by: actor.principal,
      };
      await this.rows.add(transaction, row);
      const subject = `system-image:${row.image}`;
      await record({ actor, action: 'system-image.uploaded', subject, before: null, after: row });
      return row;
    });
  }

  /** One at a time: the same content may come under one name while it goes under another. */
  private alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.lane.then(work);
    this.lane = done.catch(() => undefined);
    return done;
  }

  private async known(
    db: ControlDatabase | Transaction,
    { name, version }: NewImage,
    { sha256 }: Arrived,
  ): Promise<SystemImageRow | undefined> {
    const row = await this.rows.find(db, `${name}@${version}`);
    if (row?.sha256 === sha256) return row;
    if (row !== undefined)
      throw new FleetError('SYSTEM_IMAGE_TAKEN', `${row.image} is here already with other content; raise the version.`);
    const { maxImages } = this.around.config;
    if ((await this.rows.count(db)) < maxImages) return undefined;
    throw new FleetError('SYSTEM_IMAGES_TOO_MANY', `${maxImages} images are here, as many as ddi.maxImages allows.`);
  }
}

const required = (row: SystemImageRow | undefined, image: string): SystemImageRow => {
  if (row !== undefined) return row;
  throw new FleetError('SYSTEM_IMAGE_NOT_FOUND', `No image ${image}. List them with GET /api/system/images.`);
};

// A connection that breaks is the fault of no disk and no image.
async function* arriving(content: Readable, see: (bytes: Buffer) => void): AsyncGenerator<Uint8Array> {
  try {
    for await (const bytes of content) {
      see(bytes as Buffer);
      yield bytes as Buffer;
    }
  } catch (cause) {
    throw new FleetError('SYSTEM_UPLOAD_INTERRUPTED', 'The connection broke before the image had arrived.', { cause });
  }
}
