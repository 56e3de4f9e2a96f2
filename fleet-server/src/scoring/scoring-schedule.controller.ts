/** /api/scoring/jobs/{job}/schedule: when a job is due next, and what was decided lately. */
import { Controller, Get, Param } from '@nestjs/common';
import { scoringJobNameSchema, scoringScheduleStateSchema, type ScoringScheduleState } from '@shoal/protocol';
import { ScoringScheduler } from './scheduler.service.ts';
import { ScoringJobs } from './scoring-jobs.service.ts';

@Controller('api/scoring/jobs')
export class ScoringScheduleController {
  private readonly jobs: ScoringJobs;
  private readonly scheduler: ScoringScheduler;
  constructor(jobs: ScoringJobs, scheduler: ScoringScheduler) {
    this.jobs = jobs;
    this.scheduler = scheduler;
  }

  @Get(':job/schedule')
  async show(@Param('job', { schema: scoringJobNameSchema }) name: string): Promise<ScoringScheduleState> {
    const { job } = await this.jobs.show(name);
    return scoringScheduleStateSchema.parse(await this.scheduler.state(job));
  }
}
