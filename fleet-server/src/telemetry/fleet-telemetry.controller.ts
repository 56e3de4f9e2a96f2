/** GET /api/events and /api/dead-letters: what concerns the whole fleet. */
import { Controller, Get, Query, type StreamableFile } from '@nestjs/common';
import { deadLetterQuerySchema, eventQuerySchema, type DeadLetter, type Page, type StoredEvent } from '@shoal/protocol';
import type { z } from 'zod';
import { answerList } from '../listing/list-answer.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';
import { DEAD_LETTERS, EVENTS } from './listings.ts';

const eventsSchema = eventQuerySchema.strict();
const deadLettersSchema = deadLetterQuerySchema.strict();

@Controller('api')
export class FleetTelemetryController {
  private readonly telemetry: TelemetryStore;
  constructor(telemetry: TelemetryStore) {
    this.telemetry = telemetry;
  }

  @Get('events')
  events(
    @Query({ schema: eventsSchema }) query: z.output<typeof eventsSchema>,
  ): Promise<Page<StoredEvent> | StreamableFile> {
    const { deviceId, from, to, order, severity, kind: eventKind } = query;
    return answerList(EVENTS, query, (limit, cursor) =>
      this.telemetry.history({ kind: 'events', deviceId, from, to, order, limit, cursor, severity, eventKind }),
    );
  }

  @Get('dead-letters')
  deadLetters(
    @Query({ schema: deadLettersSchema }) query: z.output<typeof deadLettersSchema>,
  ): Promise<Page<DeadLetter> | StreamableFile> {
    const { deviceId, reason } = query;
    return answerList(DEAD_LETTERS, query, (limit, cursor) =>
      this.telemetry.deadLetters({ deviceId, reason, limit, cursor }),
    );
  }
}
