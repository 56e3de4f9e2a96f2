/** /api/feature-imports and /api/feature-audits: what became of imported rows, and of served vectors. */
import { Controller, Get, Param, Query, type StreamableFile } from '@nestjs/common';
import {
  featureImportSchema,
  pageQuerySchema,
  requestIdSchema,
  skewAuditQuerySchema,
  type FeatureImport,
  type Page,
  type RejectedRow,
  type SkewAudit,
} from '@shoal/protocol';
import type { z } from 'zod';
import { answerList } from '../listing/list-answer.ts';
import { FeatureImportService } from './feature-import.service.ts';
import { AUDITS, IMPORTS, REJECTED } from './listings.ts';
import { SkewAuditService } from './skew-audit.service.ts';

const pageSchema = pageQuerySchema.strict();
const auditsSchema = skewAuditQuerySchema.strict();
type PageQuery = z.output<typeof pageSchema>;
const ID = { schema: requestIdSchema };

@Controller('api')
export class FeatureRecordsController {
  private readonly imports: FeatureImportService;
  private readonly skew: SkewAuditService;
  constructor(imports: FeatureImportService, skew: SkewAuditService) {
    this.imports = imports;
    this.skew = skew;
  }

  @Get('feature-imports')
  list(@Query({ schema: pageSchema }) query: PageQuery): Promise<Page<FeatureImport> | StreamableFile> {
    return answerList(IMPORTS, query, (limit, cursor) => this.imports.list({ limit, cursor }));
  }

  @Get('feature-imports/:importId')
  async show(@Param('importId', ID) importId: string): Promise<FeatureImport> {
    return featureImportSchema.parse(await this.imports.show(importId));
  }

  @Get('feature-imports/:importId/rejected')
  rejected(
    @Param('importId', ID) importId: string,
    @Query({ schema: pageSchema }) query: PageQuery,
  ): Promise<Page<RejectedRow> | StreamableFile> {
    return answerList(REJECTED, query, (limit, cursor) => this.imports.rejected(importId, { limit, cursor }));
  }

  @Get('feature-audits')
  audits(
    @Query({ schema: auditsSchema }) query: z.output<typeof auditsSchema>,
  ): Promise<Page<SkewAudit> | StreamableFile> {
    const { result, view } = query;
    return answerList(AUDITS, query, (limit, cursor) => this.skew.list({ limit, cursor, result, view }));
  }
}
