/** /api/models: what is released, pushing a release, and who runs what. */
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, type StreamableFile } from '@nestjs/common';
import {
  modelDiffQuerySchema,
  modelDiffSchema,
  modelNameSchema,
  modelReleaseDocumentSchema,
  modelReleaseSchema,
  modelSchema,
  modelVersionNameSchema,
  pageQuerySchema,
  type Model,
  type ModelDeployment,
  type ModelDiff,
  type ModelRelease,
  type ModelReleaseDocument,
  type Page,
} from '@shoal/protocol';
import { Readable } from 'node:stream';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { DEPLOYMENTS, MODELS, RELEASES } from './listings.ts';
import { ModelViews } from './model-views.service.ts';
import { ReleaseRemoval } from './release-removal.service.ts';
import { Releases } from './releases.service.ts';
import { Uploads } from './uploads.service.ts';

const pageSchema = pageQuerySchema.strict();
const NAME = { schema: modelNameSchema };
const VERSION = { schema: modelVersionNameSchema };

@Controller('api/models')
export class ModelsController {
  private readonly views: ModelViews;
  private readonly releases: Releases;
  private readonly uploads: Uploads;
  private readonly removal: ReleaseRemoval;
  constructor(views: ModelViews, releases: Releases, uploads: Uploads, removal: ReleaseRemoval) {
    this.views = views;
    this.releases = releases;
    this.uploads = uploads;
    this.removal = removal;
  }

  @Get()
  list(@Query({ schema: pageSchema }) query: z.output<typeof pageSchema>): Promise<Page<Model> | StreamableFile> {
    return answerList(MODELS, query, (limit, cursor) => this.views.list(limit, cursor));
  }

  @Post()
  async push(
    @Caller() actor: Actor,
    @Body() content: unknown,
    @Exchange() { reply }: EditExchange,
  ): Promise<ModelRelease> {
    if (!(content instanceof Readable))
      throw new FleetError('MEDIA_TYPE_UNSUPPORTED', 'A release is a packed bundle; send it as application/x-tar.');
    // Whoever is refused halfway would go on sending: the connection ends with the answer.
    void reply.header('connection', 'close');
    const row = await this.uploads.take(actor, content);
    void reply.header('location', `/api/models/${row.name}/versions/${row.version}`);
    return modelReleaseSchema.parse(await this.views.release(row));
  }

  @Get(':model')
  async show(@Param('model', NAME) name: string): Promise<Model> {
    return modelSchema.parse(await this.views.model(name));
  }

  @Get(':model/versions')
  versions(
    @Param('model', NAME) name: string,
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<ModelRelease> | StreamableFile> {
    return answerList(RELEASES, query, (limit, cursor) => this.views.releases(name, limit, cursor));
  }

  @Get(':model/versions/:version')
  async release(
    @Param('model', NAME) name: string,
    @Param('version', VERSION) version: string,
  ): Promise<ModelReleaseDocument> {
    return modelReleaseDocumentSchema.parse(await this.views.document(await this.releases.show(name, version)));
  }

  @Delete(':model/versions/:version')
  @HttpCode(204)
  async remove(
    @Caller() actor: Actor,
    @Param('model', NAME) name: string,
    @Param('version', VERSION) version: string,
  ): Promise<void> {
    await this.removal.remove(actor, name, version);
  }

  @Get(':model/diff')
  async diff(
    @Param('model', NAME) name: string,
    @Query({ schema: modelDiffQuerySchema }) { from, to }: z.output<typeof modelDiffQuerySchema>,
  ): Promise<ModelDiff> {
    return modelDiffSchema.parse(await this.releases.diff(name, from, to));
  }

  @Get(':model/deployments')
  deployments(
    @Param('model', NAME) name: string,
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<ModelDeployment> | StreamableFile> {
    return answerList(DEPLOYMENTS, query, (limit, cursor) => this.views.deployments(name, limit, cursor));
  }
}
