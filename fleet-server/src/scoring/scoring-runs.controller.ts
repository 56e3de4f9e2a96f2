/** /api/scoring/runs: executions of jobs, followed and ordered about. */
import { setTimeout } from 'node:timers/promises';
import { Body, Controller, Get, HttpCode, Param, Post, Query, Res, type StreamableFile } from '@nestjs/common';
import {
  pageQuerySchema,
  scoringOrderSchema,
  scoringRunIdSchema,
  scoringRunQuerySchema,
  scoringRunSchema,
  type Page,
  type QuarantinedRow,
  type ScoringRun,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { openEventStream } from '../event-stream.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { ScoreStore, type StoredRun } from '../ports/score-store.ts';
import { QUARANTINE, RUNS } from './listings.ts';
import { isFinal, runDocument } from './run-document.ts';
import { ScoringRuns, type RunOrderWord } from './scoring-runs.service.ts';

const orderSchema = z.preprocess((body: unknown) => body ?? {}, scoringOrderSchema);
const querySchema = scoringRunQuerySchema.strict();
const pageSchema = pageQuerySchema.strict();
const ID = { schema: scoringRunIdSchema };
/** Progress is looked up in the store, wherever the run is worked on. */
const LOOK_MS = 1_000;

const document = (run: StoredRun): ScoringRun => scoringRunSchema.parse(runDocument(run));

@Controller('api/scoring/runs')
export class ScoringRunsController {
  private readonly runs: ScoringRuns;
  private readonly store: ScoreStore;
  constructor(runs: ScoringRuns, store: ScoreStore) {
    this.runs = runs;
    this.store = store;
  }

  @Get()
  list(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
  ): Promise<Page<ScoringRun> | StreamableFile> {
    const { job, state, backfill } = query;
    return answerList(RUNS, query, async (limit, cursor) => {
      const page = await this.runs.list({ job, state, backfill, limit, cursor });
      return { ...page, items: page.items.map(runDocument) };
    });
  }

  @Get(':runId')
  async show(@Param('runId', ID) runId: string): Promise<ScoringRun> {
    return document(await this.runs.show(runId));
  }

  /** As it is now, whenever it moved, and as it ends. */
  @Get(':runId/events')
  async watch(@Param('runId', ID) runId: string, @Res() reply: FastifyReply): Promise<void> {
    let run: StoredRun | undefined = await this.runs.show(runId);
    const sink = openEventStream(reply);
    const left = new AbortController();
    reply.raw.once('close', () => left.abort());
    let told = '';
    while (run !== undefined && !left.signal.aborted) {
      const text = JSON.stringify(document(run));
      sink.write(text === told ? ': nothing new\n\n' : `event: run\ndata: ${text}\n\n`);
      told = text;
      if (isFinal(run)) break;
      await setTimeout(LOOK_MS, undefined, { signal: left.signal }).catch(() => undefined);
      run = await this.store.find(runId).catch(() => undefined);
    }
    reply.raw.end();
  }

  @Post(':runId/pause')
  @HttpCode(200)
  pause(
    @Caller() actor: Actor,
    @Param('runId', ID) runId: string,
    @Body({ schema: orderSchema }) body: object,
  ): Promise<ScoringRun> {
    return this.order(actor, runId, { word: 'pause', ...body });
  }

  @Post(':runId/resume')
  @HttpCode(200)
  resume(
    @Caller() actor: Actor,
    @Param('runId', ID) runId: string,
    @Body({ schema: orderSchema }) body: object,
  ): Promise<ScoringRun> {
    return this.order(actor, runId, { word: 'resume', ...body });
  }

  @Post(':runId/cancel')
  @HttpCode(200)
  cancel(
    @Caller() actor: Actor,
    @Param('runId', ID) runId: string,
    @Body({ schema: orderSchema }) body: object,
  ): Promise<ScoringRun> {
    return this.order(actor, runId, { word: 'cancel', ...body });
  }

  @Get(':runId/quarantine')
  async quarantine(
    @Param('runId', ID) runId: string,
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<QuarantinedRow> | StreamableFile> {
    await this.runs.show(runId);
    return answerList(QUARANTINE, query, (limit, cursor) => this.store.quarantine(runId, limit, cursor));
  }

  private async order(actor: Actor, runId: string, { word }: { readonly word: RunOrderWord }): Promise<ScoringRun> {
    return document(await this.runs.order(actor, runId, word));
  }
}
