/** `@Exchange()`: the headers that an editing request may carry, and the reply to set others on. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { FleetError } from '../errors.ts';

export interface EditExchange {
  /** As sent; undefined when absent. */
  readonly ifMatch: string | undefined;
  /** 1-128 visible ASCII characters; undefined when absent. */
  readonly idempotencyKey: string | undefined;
  readonly reply: FastifyReply;
}

const KEY = /^[\x21-\x7e]{1,128}$/;

const single = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value;

export const Exchange = createParamDecorator((_: unknown, context: ExecutionContext): EditExchange => {
  const http = context.switchToHttp();
  const { headers } = http.getRequest<FastifyRequest>();
  const idempotencyKey = single(headers['idempotency-key']);
  if (idempotencyKey !== undefined && !KEY.test(idempotencyKey)) {
    const faults = [{ path: 'Idempotency-Key', message: 'expected 1-128 visible ASCII characters' }];
    throw new FleetError('REQUEST_INVALID', 'The Idempotency-Key header is not usable.', { faults });
  }
  return { ifMatch: headers['if-match'], idempotencyKey, reply: http.getResponse<FastifyReply>() };
});
