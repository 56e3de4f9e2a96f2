/** The audit trail: upstream of everything that changes something. */
import { Module, type OnModuleInit } from '@nestjs/common';
import { DatabaseIncident } from '../db/database-incident.ts';
import { SYSTEM } from './actor.ts';
import { AuditController } from './audit.controller.ts';
import { AuditService } from './audit.service.ts';

@Module({ controllers: [AuditController], providers: [AuditService], exports: [AuditService] })
export class AuditModule implements OnModuleInit {
  private readonly incident: DatabaseIncident;
  private readonly audit: AuditService;
  constructor(incident: DatabaseIncident, audit: AuditService) {
    this.incident = incident;
    this.audit = audit;
  }

  /** A fresh trail that begins after a quarantine says so in its first entry. */
  async onModuleInit(): Promise<void> {
    const { quarantined, file } = this.incident;
    if (quarantined === null) return;
    const note = { actor: SYSTEM, action: 'database.quarantined', subject: 'database:control', before: null };
    await this.audit.change((_, record) => record({ ...note, after: { file, quarantined } }));
  }
}
