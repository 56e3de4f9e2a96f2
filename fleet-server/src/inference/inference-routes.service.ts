/** `/v2` and `/predict` on the HTTP server: bytes in, bytes out, past Nest's parsers and pipes, behind the same door. */
import { Injectable } from '@nestjs/common';
import {
  faultAnswer,
  JSON_TYPE,
  jsonAnswer,
  ModelError,
  OpenInferenceService,
  type OpenInferenceAnswer,
} from '@shoal/models';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FleetError } from '../errors.ts';
import { Authenticator } from '../ports/authenticator.ts';
import { readVersion } from '../version.ts';
import { BodyBudget } from './body-budget.ts';
import { ServedModels } from './served-models.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** Bodies of so many largest requests may be on their way at a time. */
const BODIES_AT_ONCE = 4;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
/** What changes the server; inference asks and changes nothing. */
const CHANGES = /^\/v2\/repository\/models\/[^/]+\/(load|unload)(\?|$)/;

@Injectable()
export class InferenceRoutes {
  private readonly around: Surroundings;
  private readonly authenticator: Authenticator;
  private readonly service: OpenInferenceService;
  private readonly budget: BodyBudget;

  constructor(around: Surroundings, models: ServedModels, authenticator: Authenticator) {
    const { bodyLimitBytes, deadlineMs } = around.config.inference;
    this.around = around;
    this.authenticator = authenticator;
    this.budget = new BodyBudget(bodyLimitBytes, bodyLimitBytes * BODIES_AT_ONCE);
    this.service = new OpenInferenceService({
      repository: models,
      codec: around.codec,
      name: 'shoal',
      version: readVersion(),
      deadlineMs,
    });
  }

  /** Before the server listens. */
  mount(http: FastifyInstance): void {
    http.register((scope, _options, done) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser(
        '*',
        { bodyLimit: this.around.config.inference.bodyLimitBytes },
        (request, payload, parsed) => {
          this.budget.collect(request.headers['content-length'], payload).then(
            (body) => parsed(null, body),
            (error: Error) => parsed(error),
          );
        },
      );
      scope.addHook('onRequest', (request) => this.admit(request));
      scope.setErrorHandler((error, _request, reply) => this.refuse(reply, error));
      const handler = (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> =>
        this.answer(request, reply);
      for (const url of ['/v2', '/v2/*', '/predict']) scope.route({ method: [...METHODS], url, handler });
      done();
    });
  }

  private async answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { method, url, headers } = request;
    const mark = url.indexOf('?');
    const path = mark === -1 ? url : url.slice(0, mark);
    const body = request.body instanceof Uint8Array ? request.body : NO_BODY;
    const left = new AbortController();
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) left.abort(LEFT);
    });
    try {
      const query = mark === -1 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1));
      const answered = await this.service.answer({ method, path, query, headers, body, signal: left.signal });
      return send(reply, answered ?? NOT_OURS, method === 'HEAD');
    } finally {
      this.budget.release(body);
    }
  }

  /** Throws FleetError UNAUTHENTICATED, FORBIDDEN. */
  private async admit(request: FastifyRequest): Promise<void> {
    const action = CHANGES.test(request.url) ? 'write' : 'read';
    const credentials = { channel: 'http', headers: request.headers, remoteAddress: request.ip } as const;
    const authentication = await this.authenticator.authenticate(credentials);
    if (!authentication.ok) throw new FleetError('UNAUTHENTICATED', `Not accepted: ${authentication.reason}.`);
    if (this.authenticator.mayCall(authentication.principal, action)) return;
    throw new FleetError('FORBIDDEN', `${authentication.principal.id} may not ${action} here.`);
  }

  /** What never reached the service: the door, or the body. */
  private refuse(reply: FastifyReply, error: unknown): FastifyReply {
    const answer = faultAnswer(asNamed(error));
    this.around.metrics.count('http_errors_total', 1, { code: answer.headers['shoal-error-code'] ?? 'INTERNAL' });
    return send(reply, answer, false);
  }
}

/** Made once: the reason of an abort is an exception with a stack. */
const LEFT = new ModelError('INFERENCE_CANCELED', 'The caller has left');
const NO_BODY = new Uint8Array();
const NO_QUERY = new URLSearchParams();
const NOT_OURS = jsonAnswer({ error: 'There is no such path.' }, 404);

/** Fastify's own faults have a status and a code of their own. */
const asNamed = (error: unknown): unknown => {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  if (status === 413)
    return new ModelError('REQUEST_TOO_LARGE', 'The body is over the bound of this server', { cause: error });
  if (typeof status === 'number' && status < 500)
    return new ModelError('REQUEST_INVALID', error instanceof Error ? error.message : 'The request was refused', {
      cause: error,
    });
  return error;
};

/** Head and body of a short text leave in one write; bytes take two. */
const ONE_WRITE_BYTES = 16_384;

const send = (reply: FastifyReply, { status, headers, body }: OpenInferenceAnswer, isHead: boolean): FastifyReply => {
  reply.code(status).headers(headers);
  if (isHead) return reply.header('content-length', body.byteLength).send();
  if (status === 204) return reply.send();
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const isShortText = headers['content-type'] === JSON_TYPE && bytes.length <= ONE_WRITE_BYTES;
  return reply.send(isShortText ? bytes.toString('utf8') : bytes);
};
