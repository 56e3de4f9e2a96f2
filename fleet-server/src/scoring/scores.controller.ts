/** /api/scores: what was published last, of one entity in one indexed read, of many, and all of it as a file. */
import { Readable } from 'node:stream';
import { Body, Controller, Get, HttpCode, Param, Post, Query, StreamableFile } from '@nestjs/common';
import {
  entityIdSchema,
  predictionTicketSchema,
  scoreBulkAnswerSchema,
  scoreBulkSchema,
  scoreExportQuerySchema,
  scoreHistorySchema,
  scoreQuerySchema,
  scoreRecordSchema,
  scoringJobNameSchema,
  type PredictionTicket,
  type ScoreBulkAnswer,
  type ScoreRecord,
} from '@shoal/protocol';
import type { z } from 'zod';
import { FleetError } from '../errors.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { ScoreStore, type PublishedRun } from '../ports/score-store.ts';
import { ticketDocument, ticketPath } from '../predictions/ticket-document.ts';
import { isUnchanged, runTag, scoreRecord } from './run-document.ts';
import { ScoreMisses } from './score-misses.service.ts';

const JOB = { schema: scoringJobNameSchema };
const ENTITY = { schema: entityIdSchema };
const querySchema = scoreQuerySchema.strict();
const exportSchema = scoreExportQuerySchema.strict();
const MEDIA_TYPES = {
  csv: 'text/csv; charset=utf-8; header=present',
  ndjson: 'application/x-ndjson; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
} as const;

@Controller('api/scores')
export class ScoresController {
  private readonly store: ScoreStore;
  private readonly misses: ScoreMisses;
  constructor(store: ScoreStore, misses: ScoreMisses) {
    this.store = store;
    this.misses = misses;
  }

  @Get(':job')
  async export(
    @Param('job', JOB) job: string,
    @Query({ schema: exportSchema }) { format, run: runId }: z.output<typeof exportSchema>,
    @Exchange() { reply }: EditExchange,
  ): Promise<StreamableFile> {
    const run = runId === undefined ? this.store.published(job) : await this.store.readable(job, runId);
    if (run === undefined) return nothingPublished(job);
    void reply.header('etag', runTag(run.runId));
    return new StreamableFile(Readable.from(this.store.export(run, format), { objectMode: false }), {
      type: MEDIA_TYPES[format],
      disposition: `attachment; filename="${job}.${format}"`,
    });
  }

  @Post(':job')
  @HttpCode(200)
  async read(
    @Param('job', JOB) job: string,
    @Body({ schema: scoreBulkSchema }) { entities }: z.output<typeof scoreBulkSchema>,
    @Exchange() { reply }: EditExchange,
  ): Promise<ScoreBulkAnswer> {
    const found = await this.store.scores(job, entities);
    if (found === undefined) return nothingPublished(job);
    const { runId, asOf, model, columns } = found.run;
    void reply.header('etag', runTag(runId));
    const names = columns.map(({ name }) => name);
    return scoreBulkAnswerSchema.parse({ job, runId, asOf, model, columns: names, scores: found.scores });
  }

  @Get(':job/:entity')
  show(
    @Param('job', JOB) job: string,
    @Param('entity', ENTITY) entity: string,
    @Query({ schema: querySchema }) { onMiss }: z.output<typeof querySchema>,
    @Exchange() { reply }: EditExchange,
  ): ScoreRecord | Promise<PredictionTicket> | undefined {
    const ifNoneMatch = reply.request.headers['if-none-match'];
    const unchanged = ifNoneMatch === undefined ? undefined : this.unchanged(job, ifNoneMatch);
    if (unchanged !== undefined) {
      void reply.code(304).header('etag', runTag(unchanged.runId));
      return undefined;
    }
    const found = this.store.score(job, entity);
    const record = found === undefined ? undefined : scoreRecord(job, entity, found);
    if (record === undefined && onMiss === 'predict') return this.predict(job, entity, reply);
    if (found === undefined) return nothingPublished(job);
    if (record === undefined) throw noScore(job, entity, found.run);
    void reply.header('etag', runTag(found.run.runId));
    return scoreRecordSchema.parse(record);
  }

  @Get(':job/:entity/history')
  async history(
    @Param('job', JOB) job: string,
    @Param('entity', ENTITY) entity: string,
  ): Promise<z.output<typeof scoreHistorySchema>> {
    if (this.store.published(job) === undefined) return nothingPublished(job);
    const found = await this.store.history(job, entity);
    return scoreHistorySchema.parse({ items: found.map((score) => scoreRecord(job, entity, score)) });
  }

  private async predict(job: string, entity: string, reply: EditExchange['reply']): Promise<PredictionTicket> {
    const ticket = await this.misses.predict(job, entity);
    void reply.code(202).header('location', ticketPath(ticket.ticketId)).header('retry-after', '1');
    return predictionTicketSchema.parse(ticketDocument(ticket));
  }

  private unchanged(job: string, ifNoneMatch: string): PublishedRun | undefined {
    const run = this.store.published(job);
    return run !== undefined && isUnchanged(ifNoneMatch, run.runId) ? run : undefined;
  }
}

const nothingPublished = (job: string): never => {
  throw new FleetError(
    'SCORE_NOT_FOUND',
    `No run of "${job}" is published here. See GET /api/scoring/runs?job=${job}.`,
  );
};

const noScore = (job: string, entity: string, { runId }: PublishedRun): FleetError =>
  new FleetError('SCORE_NOT_FOUND', `${runId}, the published run of ${job}, has no score of "${entity}".`);
