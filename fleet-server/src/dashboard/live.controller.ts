/** GET /api/live: what moves, as server-sent events. */
import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { liveQuerySchema } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { FleetError } from '../errors.ts';
import { openEventStream } from '../event-stream.ts';
import { LiveFeed } from './live-feed.service.ts';
import { parseTopics } from './live-selection.ts';

const querySchema = liveQuerySchema.strict();

@Controller('api/live')
export class LiveController {
  private readonly feed: LiveFeed;
  constructor(feed: LiveFeed) {
    this.feed = feed;
  }

  @Get()
  watch(
    @Query({ schema: querySchema }) query: z.output<typeof querySchema>,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() reply: FastifyReply,
  ): void {
    const topics = parseTopics(query.topics);
    if (!topics) {
      const faults = [
        {
          path: 'topics',
          message: 'expected readings,predictions,events,devices,commands,windows,tickets,alerts,rollouts,summary',
        },
      ];
      throw new FleetError('REQUEST_INVALID', 'The live feed has no such topic.', { faults });
    }
    const leave = this.feed.watch({ topics, deviceId: query.deviceId }, lastEventId, openEventStream(reply));
    reply.raw.once('close', leave);
  }
}
