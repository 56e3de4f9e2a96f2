/** /api/scoring/runs/{runId}/report: what came of a run, as a page to read and to print. */
import { Controller, Get, Param, Res } from '@nestjs/common';
import { scoringRunIdSchema } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { RunReports } from './run-reports.service.ts';
import { REPORT_HEADERS } from './report/page-parts.ts';
import { reportPage } from './report/report-page.ts';

@Controller('api/scoring/runs')
export class RunReportController {
  private readonly reports: RunReports;
  constructor(reports: RunReports) {
    this.reports = reports;
  }

  @Get(':runId/report')
  async report(
    @Param('runId', { schema: scoringRunIdSchema }) runId: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const report = await this.reports.report(runId);
    void reply.headers(REPORT_HEADERS);
    return reportPage(report);
  }
}
