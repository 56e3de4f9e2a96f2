/** What jobs and runs are kept in, what scores them, and the trail of who changed what. */
import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.ts';
import { ScoreRunner } from '../ports/score-runner.ts';
import { ScoreStore } from '../ports/score-store.ts';

@Injectable()
export class ScorePorts {
  readonly store: ScoreStore;
  readonly runner: ScoreRunner;
  readonly audit: AuditService;

  constructor(store: ScoreStore, runner: ScoreRunner, audit: AuditService) {
    this.store = store;
    this.runner = runner;
    this.audit = audit;
  }
}
