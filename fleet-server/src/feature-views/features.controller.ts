/** /api/features: values of entities, and imports of them. */
import { Body, Controller, Get, HttpCode, Param, Post, Put, Query, type StreamableFile } from '@nestjs/common';
import {
  entityFeaturesSchema,
  entityIdSchema,
  featureBulkReadSchema,
  featureColumnsSchema,
  featureHistoryQuerySchema,
  featureImportSchema,
  featurePutSchema,
  featureReadQuerySchema,
  viewNameSchema,
  type EntityFeatures,
  type FeatureColumns,
  type FeatureHistoryEntry,
  type FeatureImport,
  type FeatureBulkRead,
  type FeaturePut,
  type Page,
} from '@shoal/protocol';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { FeatureImportService } from './feature-import.service.ts';
import { FeatureValuesService, type ShownEntity } from './feature-values.service.ts';
import { HISTORY } from './listings.ts';
import { ViewRegistry } from './view-registry.service.ts';

const readSchema = featureReadQuerySchema.strict();
const historySchema = featureHistoryQuerySchema.strict();
const VIEW = { schema: viewNameSchema };
const ENTITY = { schema: entityIdSchema };

@Controller('api/features/:view')
export class FeaturesController {
  private readonly values: FeatureValuesService;
  private readonly imports: FeatureImportService;
  private readonly registry: ViewRegistry;
  constructor(values: FeatureValuesService, imports: FeatureImportService, registry: ViewRegistry) {
    this.values = values;
    this.imports = imports;
    this.registry = registry;
  }

  @Post('read')
  @HttpCode(200)
  async read(
    @Param('view', VIEW) view: string,
    @Body({ schema: featureBulkReadSchema }) body: FeatureBulkRead,
  ): Promise<FeatureColumns> {
    return featureColumnsSchema.parse(await this.values.columns(view, body));
  }

  @Post('import')
  async import(
    @Caller() actor: Actor,
    @Param('view', VIEW) view: string,
    @Body() file: unknown,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<FeatureImport> {
    this.registry.named(view);
    if (!(file instanceof Readable)) {
      throw new FleetError('MEDIA_TYPE_UNSUPPORTED', 'An import is a CSV file; send it as text/csv.');
    }
    const done = await this.imports.import(actor, view, file, idempotencyKey);
    void reply.header('location', `/api/feature-imports/${done.importId}`);
    return featureImportSchema.parse(done);
  }

  @Get(':entity')
  async show(
    @Param('view', VIEW) view: string,
    @Param('entity', ENTITY) entity: string,
    @Query({ schema: readSchema }) { asOf }: z.output<typeof readSchema>,
    @Exchange() { reply }: EditExchange,
  ): Promise<EntityFeatures> {
    return shaped(await this.values.show(view, entity, asOf), reply);
  }

  @Put(':entity')
  async put(
    @Param('view', VIEW) view: string,
    @Param('entity', ENTITY) entity: string,
    @Body({ schema: featurePutSchema }) body: FeaturePut,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<EntityFeatures> {
    return shaped(await this.values.put(view, entity, body, ifMatch), reply);
  }

  @Get(':entity/history')
  history(
    @Param('view', VIEW) view: string,
    @Param('entity', ENTITY) entity: string,
    @Query({ schema: historySchema }) query: z.output<typeof historySchema>,
  ): Promise<Page<FeatureHistoryEntry> | StreamableFile> {
    const { feature, from, to } = query;
    return answerList(HISTORY, query, (limit, cursor) =>
      this.values.history(view, entity, { feature, from, to }, { limit, cursor }),
    );
  }
}

const shaped = ({ shown, etag }: ShownEntity, reply: FastifyReply): EntityFeatures => {
  void reply.header('etag', etag);
  return entityFeaturesSchema.parse(shown);
};
