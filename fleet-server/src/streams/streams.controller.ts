/** /api/streams: definitions, how far they are, their windows, and dry runs. */
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, type StreamableFile } from '@nestjs/common';
import {
  pageQuerySchema,
  streamDefinitionSchema,
  streamDocumentSchema,
  streamNameSchema,
  streamPreviewAnswerSchema,
  streamPreviewSchema,
  streamStatusSchema,
  windowQuerySchema,
  type Page,
  type StreamDefinition,
  type StreamDocument,
  type StreamPreview,
  type StreamPreviewAnswer,
  type StreamStatus,
  type WindowResult,
} from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { Actor } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import { Caller } from '../identity/principal.decorator.ts';
import { etagOf } from '../listing/conditional.ts';
import { Exchange, type EditExchange } from '../listing/exchange.decorator.ts';
import { answerList } from '../listing/list-answer.ts';
import { STREAMS, WINDOWS } from './listings.ts';
import { StreamRunner } from './stream-runner.service.ts';
import { StreamsService } from './streams.service.ts';

const pageSchema = pageQuerySchema.strict();
const windowsSchema = windowQuerySchema.strict();
const NAME = { schema: streamNameSchema };

@Controller('api/streams')
export class StreamsController {
  private readonly streams: StreamsService;
  private readonly runner: StreamRunner;
  constructor(streams: StreamsService, runner: StreamRunner) {
    this.streams = streams;
    this.runner = runner;
  }

  @Get()
  list(
    @Query({ schema: pageSchema }) query: z.output<typeof pageSchema>,
  ): Promise<Page<StreamDocument> | StreamableFile> {
    return answerList(STREAMS, query, (limit, cursor) => this.streams.list(limit, cursor));
  }

  @Post()
  async create(
    @Caller() actor: Actor,
    @Body({ schema: streamDefinitionSchema }) definition: StreamDefinition,
    @Exchange() { idempotencyKey, reply }: EditExchange,
  ): Promise<StreamDocument> {
    const created = await this.streams.create(actor, definition, idempotencyKey);
    void reply.header('location', `/api/streams/${created.name}`);
    return shaped(created, reply);
  }

  @Post('preview')
  @HttpCode(200)
  async preview(@Body({ schema: streamPreviewSchema }) preview: StreamPreview): Promise<StreamPreviewAnswer> {
    return streamPreviewAnswerSchema.parse(await this.runner.preview(preview));
  }

  @Get(':stream')
  async show(@Param('stream', NAME) name: string, @Exchange() { reply }: EditExchange): Promise<StreamDocument> {
    return shaped(await this.streams.show(name), reply);
  }

  @Put(':stream')
  async replace(
    @Caller() actor: Actor,
    @Param('stream', NAME) name: string,
    @Body({ schema: streamDefinitionSchema }) definition: StreamDefinition,
    @Exchange() { ifMatch, reply }: EditExchange,
  ): Promise<StreamDocument> {
    if (definition.name !== name) {
      await this.streams.show(name);
      throw new FleetError('STREAM_INVALID', `The body is stream ${definition.name}, the path says ${name}.`);
    }
    return shaped(await this.streams.replace(actor, definition, ifMatch), reply);
  }

  @Delete(':stream')
  @HttpCode(204)
  async remove(
    @Caller() actor: Actor,
    @Param('stream', NAME) name: string,
    @Exchange() { ifMatch }: EditExchange,
  ): Promise<void> {
    await this.streams.remove(actor, name, ifMatch);
  }

  @Get(':stream/status')
  async status(@Param('stream', NAME) name: string): Promise<StreamStatus> {
    await this.streams.show(name);
    return streamStatusSchema.parse(await this.runner.status(name));
  }

  @Get(':stream/windows')
  async windows(
    @Param('stream', NAME) stream: string,
    @Query({ schema: windowsSchema }) query: z.output<typeof windowsSchema>,
  ): Promise<Page<WindowResult> | StreamableFile> {
    await this.streams.show(stream);
    const { key, level, from, to, state, order } = query;
    return answerList(WINDOWS, query, (limit, cursor) =>
      this.runner.windows({ stream, key, level, from, to, state, order, limit, cursor }),
    );
  }
}

const shaped = (document: StreamDocument, reply: FastifyReply): StreamDocument => {
  void reply.header('etag', etagOf(document.revision));
  return streamDocumentSchema.parse(document);
};
