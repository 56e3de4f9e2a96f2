/** /api/feature-views: definitions. */
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, type StreamableFile } from '@nestjs/common';
import {
  entityViewSchema,
  featureViewDocumentSchema,
  pageQuerySchema,
  viewNameSchema,
  type EntityView,
  type FeatureViewDocument,
  type FeatureWindowSource,
  type Page,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { FeatureViewsService } from './feature-views.service.ts';
import { VIEWS, WINDOW_SOURCES } from './listings.ts';
import { WindowSourcesService } from './window-sources.service.ts';

const pageSchema = pageQuerySchema.strict();
const NAME = { schema: viewNameSchema };

@Controller('api/feature-views')
export class FeatureViewsController {
  private readonly views: FeatureViewsService;
  private readonly sources: WindowSourcesService;
  constructor(views: FeatureViewsService, sources: WindowSourcesService) {
    this.views = views;
    this.sources = sources;
  }

  @Get()
  list(
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<FeatureViewDocument> | StreamableFile> {
    return answerList(VIEWS, query, (limit, cursor) => this.views.list(limit, cursor));
  }

  @Post()
  async create(
    @Caller() actor: Actor,
    @Body({ schema: entityViewSchema }) view: EntityView,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<FeatureViewDocument> {
    await this.sources.requireFit(view);
    const created = await this.views.create(actor, view, idempotencyKey);
    void reply.header('location', `/api/feature-views/${created.name}`);
    return shaped(created, reply);
  }

  @Get(':view')
  async show(@Param('view', NAME) name: string, @Exchange() { reply }: EditExchange): Promise<FeatureViewDocument> {
    return shaped(await this.views.show(name), reply);
  }

  @Get(':view/windows')
  windows(
    @Param('view', NAME) name: string,
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<FeatureWindowSource> | StreamableFile> {
    return answerList(WINDOW_SOURCES, query, (limit, cursor) => this.sources.list(name, limit, cursor));
  }

  @Put(':view')
  async replace(
    @Caller() actor: Actor,
    @Param('view', NAME) name: string,
    @Body({ schema: entityViewSchema }) view: EntityView,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<FeatureViewDocument> {
    if (view.name !== name) {
      await this.views.show(name);
      throw new FleetError('FEATURE_VIEW_INVALID', `The body is view ${view.name}, the path says ${name}.`);
    }
    await this.sources.requireFit(view);
    return shaped(await this.views.replace(actor, view, ifMatch), reply);
  }

  @Delete(':view')
  @HttpCode(204)
  async remove(
    @Caller() actor: Actor,
    @Param('view', NAME) name: string,
    @Exchange() { ifMatch }: EditExchange,
  ): Promise<void> {
    await this.views.remove(actor, name, ifMatch);
  }
}

const shaped = (document: FeatureViewDocument, reply: FastifyReply): FeatureViewDocument => {
  void reply.header('etag', etagOf(document.revision));
  return featureViewDocumentSchema.parse(document);
};
