/** `@Caller()`: who makes this HTTP request, as the guard found out. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Actor } from '../audit/actor.ts';

/** A request that has passed the guard. */
export interface IdentifiedRequest extends FastifyRequest {
  actor?: Actor;
}

/** The `Actor` of the request. Every route is behind the guard, so a request without one is a fault of the server. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { actor } = context.switchToHttp().getRequest<IdentifiedRequest>();
  if (actor) return actor;
  throw new TypeError('a handler asked for its caller and no guard has identified one');
});
