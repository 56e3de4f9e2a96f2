/** `@Place()`: who a request of a client speaks for, and how it reached this server. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ClientPlace } from './ddi-documents.ts';

/** The guard has seen to the target id, and the edge to the Host. */
export const Place = createParamDecorator((_: unknown, context: ExecutionContext): ClientPlace => {
  const { params, headers } = context
    .switchToHttp()
    .getRequest<FastifyRequest<{ Params: { tenant: string; controllerId: string } }>>();
  return { origin: `http://${headers.host ?? ''}`, tenant: params.tenant, targetId: params.controllerId };
});
