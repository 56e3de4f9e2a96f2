/** Turns every error of the HTTP API into problem details (RFC 9457) with a code of the catalogue. */
import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { isModelError, namedFault } from '@shoal/models';
import { ProtocolError, type Problem } from '@shoal/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { FleetError, type FleetErrorCode } from './errors.ts';
import type { Metrics } from './ports/metrics.ts';

/** What is full has room again soon, or says so again. */
const RETRY_AFTER_S = '1';

@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly metrics: Metrics;
  private readonly log: Logger;
  constructor(metrics: Metrics, log: Logger) {
    this.metrics = metrics;
    this.log = log;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = problemOf(error, request.id);
    this.metrics.count('http_errors_total', 1, { code: problem.code });
    if (problem.status >= 500) this.log.error({ err: error, requestId: request.id, url: request.url }, problem.title);
    if (reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (problem.status === 429) void reply.header('retry-after', RETRY_AFTER_S);
    void reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }
}

/** What Fastify refuses before there is a route: a URL that cannot be decoded, a path parameter over its bound. */
export const answerMalformedUrl =
  (metrics: Metrics) =>
  (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = problemOf(error, request.id);
    metrics.count('http_errors_total', 1, { code: problem.code });
    void reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  };

/** Details of an unexpected error stay in the log. */
export const problemOf = (error: unknown, requestId: string): Problem => {
  if (error instanceof FleetError) {
    const faults = error.faults.length === 0 ? {} : { errors: [...error.faults] };
    return { ...problem(error.code, error.status, error.message, error.retryable), ...faults, instance: requestId };
  }
  if (error instanceof ProtocolError) {
    return { ...problem(error.code, 400, error.message, error.retryable), instance: requestId };
  }
  if (isModelError(error)) {
    const { code, status, message, retryable } = namedFault(error);
    return { ...problem(code, status, `${message}.`, retryable), instance: requestId };
  }
  const status = statusOf(error);
  const code = codeOfStatus(status);
  const detail = status >= 500 ? `The server failed; its log names request "${requestId}".` : messageOf(error);
  return { ...problem(code, status, detail, status >= 500), instance: requestId };
};

const problem = (code: string, status: number, detail: string, retryable: boolean): Problem => ({
  type: `/docs/errors#${code}`,
  title: STATUS_CODES[status] ?? 'Error',
  status,
  detail,
  code,
  retryable,
});

/** Nest's exceptions and Fastify's own errors carry a status; anything else is a fault of ours. */
const statusOf = (error: unknown): number => {
  if (error instanceof HttpException) return error.getStatus();
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
};

const codeOfStatus = (status: number): FleetErrorCode => {
  if (status === 404) return 'ROUTE_NOT_FOUND';
  if (status === 413) return 'REQUEST_TOO_LARGE';
  if (status === 415) return 'MEDIA_TYPE_UNSUPPORTED';
  if (status === 403) return 'FORBIDDEN';
  if (status === 401) return 'UNAUTHENTICATED';
  return status < 500 ? 'REQUEST_INVALID' : 'INTERNAL';
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : 'The request was refused.');
