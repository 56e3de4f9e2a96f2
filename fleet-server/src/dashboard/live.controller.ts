/** GET /api/live: what moves, as server-sent events. */
import { Controller, Get, Headers, Query, Res } from '@nestjs/common';
import { liveQuerySchema } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { FleetError } from '../errors.ts';
import { LiveFeed, type LiveSink } from './live-feed.service.ts';
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
        { path: 'topics', message: 'expected readings,predictions,events,devices,commands,windows,summary' },
      ];
      throw new FleetError('REQUEST_INVALID', 'The live feed has no such topic.', { faults });
    }
    const leave = this.feed.watch({ topics, deviceId: query.deviceId }, lastEventId, openStream(reply));
    reply.raw.once('close', leave);
  }
}

const openStream = (reply: FastifyReply): LiveSink => {
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    // Proxies that buffer would hold events back.
    'x-accel-buffering': 'no',
  });
  raw.flushHeaders();
  return {
    pendingBytes: () => raw.writableLength,
    write: (text) => {
      raw.write(text);
    },
    close: () => {
      raw.destroy();
    },
  };
};
