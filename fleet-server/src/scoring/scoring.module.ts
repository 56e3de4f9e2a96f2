/** Scoring: whole fleets scored by runs that survive any kill, and scores that are one indexed read in the morning. */
import { Module, type BeforeApplicationShutdown, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.ts';
import type { ScoringConfig } from '../config-schema.ts';
import { DevicesModule } from '../devices/devices.module.ts';
import { BackfillSteps } from './backfill-steps.service.ts';
import { BackfillsController } from './backfills.controller.ts';
import { Backfills } from './backfills.service.ts';
import { RunProcessor } from './run-processor.service.ts';
import { RunTargets } from './run-targets.service.ts';
import { ReportSamples } from './report-samples.service.ts';
import { RunReportController } from './run-report.controller.ts';
import { RunReports } from './run-reports.service.ts';
import { RunSubmissions } from './run-submissions.service.ts';
import { ScoringScheduler } from './scheduler.service.ts';
import { ScoreMisses } from './score-misses.service.ts';
import { ScorePorts } from './score-ports.service.ts';
import { ScoresController } from './scores.controller.ts';
import { ScoringJobsController } from './scoring-jobs.controller.ts';
import { ScoringJobs } from './scoring-jobs.service.ts';
import { ScoringRunsController } from './scoring-runs.controller.ts';
import { ScoringScheduleController } from './scoring-schedule.controller.ts';
import { ScoringRuns } from './scoring-runs.service.ts';
import { SCORING_CONFIG, Surroundings } from './surroundings.service.ts';

/** What others have made of modules that scoring leans on. */
interface Upstream {
  /** Exports `ServedModels`. */
  readonly inference: DynamicModule;
  /** Exports `FeatureReader`. */
  readonly featureViews: DynamicModule;
  /** Exports `PredictionSubmissions`. */
  readonly predictions: DynamicModule;
}

@Module({})
export class ScoringModule implements OnModuleInit, BeforeApplicationShutdown {
  private readonly processor: RunProcessor;
  private readonly scheduler: ScoringScheduler;
  constructor(processor: RunProcessor, scheduler: ScoringScheduler) {
    this.processor = processor;
    this.scheduler = scheduler;
  }

  static of(config: ScoringConfig, { inference, featureViews, predictions }: Upstream): DynamicModule {
    return {
      module: ScoringModule,
      imports: [AuditModule, DevicesModule, inference, featureViews, predictions],
      controllers: [
        ScoringJobsController,
        ScoringScheduleController,
        ScoringRunsController,
        BackfillsController,
        RunReportController,
        ScoresController,
      ],
      providers: [
        { provide: SCORING_CONFIG, useValue: config },
        Surroundings,
        ScorePorts,
        RunTargets,
        RunSubmissions,
        BackfillSteps,
        RunProcessor,
        ScoringRuns,
        Backfills,
        ScoringJobs,
        ScoringScheduler,
        ScoreMisses,
        ReportSamples,
        RunReports,
      ],
    };
  }

  /** Models and views are known by now: what a killed server was at goes on. */
  onModuleInit(): void {
    this.processor.start();
    this.scheduler.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.scheduler.stop();
    await this.processor.stop();
  }
}
