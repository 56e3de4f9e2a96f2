/** GET /api/advise. */
import { Controller, Get, Query } from '@nestjs/common';
import { adviceQuerySchema, adviceSchema, type Advice } from '@shoal/protocol';
import type { z } from 'zod';
import { AdviceService } from './advice.service.ts';

const querySchema = adviceQuerySchema.strict();

@Controller('api/advise')
export class AdviceController {
  private readonly advice: AdviceService;
  constructor(advice: AdviceService) {
    this.advice = advice;
  }

  @Get()
  advise(@Query({ schema: querySchema }) query: z.output<typeof querySchema>): Advice {
    return adviceSchema.parse(this.advice.advise(query));
  }
}
