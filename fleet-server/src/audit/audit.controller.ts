/** GET /api/audit: who changed what, newest first. */
import { Controller, Get, Query, type StreamableFile } from '@nestjs/common';
import { auditEntrySchema, auditQuerySchema, type AuditEntry, type Page } from '@shoal/protocol';
import type { z } from 'zod';
import { answerList, type Listing } from '../listing/list-answer.ts';
import { AuditService } from './audit.service.ts';

const querySchema = auditQuerySchema.strict();

const LISTING: Listing<AuditEntry> = {
  name: 'audit',
  item: auditEntrySchema,
  columns: [
    { name: 'id', value: (entry) => entry.id },
    { name: 'at', value: (entry) => entry.at },
    { name: 'principal', value: (entry) => entry.principal },
    { name: 'from', value: (entry) => entry.from },
    { name: 'action', value: (entry) => entry.action },
    { name: 'subject', value: (entry) => entry.subject },
    { name: 'before', value: (entry) => JSON.stringify(entry.before) },
    { name: 'after', value: (entry) => JSON.stringify(entry.after) },
    { name: 'hash', value: (entry) => entry.hash },
  ],
};

@Controller('api/audit')
export class AuditController {
  private readonly audit: AuditService;
  constructor(audit: AuditService) {
    this.audit = audit;
  }

  @Get()
  list(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
  ): Promise<Page<AuditEntry> | StreamableFile> {
    const filter = { subject: query.subject, action: query.action };
    return answerList(LISTING, query, (limit, cursor) => this.audit.list(filter, limit, cursor));
  }
}
