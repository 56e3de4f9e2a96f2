/** `/v2` and `/predict` on the HTTP server: bytes in, bytes out, below the framework and behind the same door. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import {
  faultAnswer,
  JSON_TYPE,
  jsonAnswer,
  ModelError,
  OpenInferenceService,
  type OpenInferenceAnswer,
} from '@shoal/models';
import { FleetError } from '../errors.ts';
import { EDGE_HEADERS, foreignFault } from '../http-edge.ts';
import { Authenticator } from '../ports/authenticator.ts';
import { readVersion } from '../version.ts';
import { BodyBudget } from './body-budget.ts';
import { Callers } from './callers.ts';
import { ServedModels } from './served-models.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** Bodies of so many largest requests may be on their way at a time. */
const BODIES_AT_ONCE = 4;
const OURS = /^\/(?:v2|predict)(?:$|\?)|^\/v2\//;
const INFERENCE = /^\/v2\/models\/([^/?]+)(?:\/versions\/([^/?]+))?\/infer(?:$|\?)/;
/** What changes the server; inference asks and changes nothing. */
const CHANGES = /^\/v2\/repository\/models\/[^/]+\/(load|unload)(\?|$)/;

@Injectable()
export class InferenceRoutes {
  private readonly around: Surroundings;
  private readonly authenticator: Authenticator;
  private readonly models: ServedModels;
  private readonly service: OpenInferenceService;
  private readonly budget: BodyBudget;
  private readonly callers = new Callers();

  constructor(around: Surroundings, models: ServedModels, authenticator: Authenticator) {
    const { bodyLimitBytes, deadlineMs } = around.config.inference;
    this.around = around;
    this.authenticator = authenticator;
    this.models = models;
    this.budget = new BodyBudget(bodyLimitBytes, bodyLimitBytes * BODIES_AT_ONCE);
    this.service = new OpenInferenceService({
      repository: models,
      codec: around.codec,
      name: 'shoal',
      version: readVersion(),
      deadlineMs,
    });
  }

  /** As a `RequestTaker`. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const { url = '/' } = request;
    if (!OURS.test(url)) return false;
    if (this.around.arrivals.lateMs() > LATE_MS && this.isSwamped(url)) send(response, SWAMPED);
    else void this.serve(request, response, url);
    return true;
  }

  /**
   * Whether what is asked of a model would only be read to be refused: its line is full. Nobody is kept from overtaking by his priority
   * while there is time to read it; a loop that is late has none.
   */
  private isSwamped(url: string): boolean {
    const [, name = '', version] = INFERENCE.exec(url) ?? [];
    const model = url.startsWith('/predict') ? this.models.only() : this.models.get(name, version);
    if (model === undefined || model.queueFill() < 1) return false;
    model.noteUnread(UNREAD);
    return true;
  }

  /** Never rejects. */
  private async serve(request: IncomingMessage, response: ServerResponse, url: string): Promise<void> {
    const arrivedAt = this.around.arrivals.arrivedAt();
    const { method = 'GET', headers } = request;
    let body = NO_BODY;
    try {
      const foreign = foreignFault(method, headers);
      if (foreign !== undefined) throw foreign;
      await this.admit(request, url);
      if (method === 'POST') body = await this.read(request, response);
      const mark = url.indexOf('?');
      const path = mark === -1 ? url : url.slice(0, mark);
      const query = mark === -1 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1));
      const signal = this.callers.signalOf(request.socket);
      const answer = await this.service.answer({ method, path, query, headers, body, signal, arrivedAt });
      send(response, answer ?? NOT_OURS);
    } catch (error) {
      this.refuse(response, error);
    } finally {
      this.budget.release(body);
    }
  }

  /** Throws FleetError UNAUTHENTICATED, FORBIDDEN. */
  private async admit({ headers, socket }: IncomingMessage, url: string): Promise<void> {
    const action = CHANGES.test(url) ? 'write' : 'read';
    const credentials = { channel: 'http', headers, remoteAddress: socket.remoteAddress ?? '' } as const;
    const authentication = await this.authenticator.authenticate(credentials);
    if (!authentication.ok) throw new FleetError('UNAUTHENTICATED', `Not accepted: ${authentication.reason}.`);
    if (this.authenticator.mayCall(authentication.principal, action)) return;
    throw new FleetError('FORBIDDEN', `${authentication.principal.id} may not ${action} here.`);
  }

  /** A caller whose body is refused may go on sending it: the connection ends with the answer. */
  private async read(request: IncomingMessage, response: ServerResponse): Promise<Uint8Array> {
    try {
      return await this.budget.collect(request.headers['content-length'], request);
    } catch (error) {
      response.shouldKeepAlive = false;
      throw error;
    }
  }

  /** What never reached the service: the door, or the body. */
  private refuse(response: ServerResponse, error: unknown): void {
    const answer = faultAnswer(error);
    this.around.metrics.count('http_errors_total', 1, { code: answer.headers['shoal-error-code'] ?? 'INTERNAL' });
    send(response, answer);
  }
}

/** Milliseconds between the arrival and the reading of a request from which on the server has no time to read what it will refuse. */
const LATE_MS = 5;
/** Made once: it is sent when there is least time for it. */
const UNREAD = new ModelError('QUEUE_FULL', 'The server is asked more than it can answer; the request was not read', {
  retryAfterMs: 1_000,
});
const SWAMPED = faultAnswer(UNREAD);
const NO_BODY: Uint8Array = new Uint8Array();
const NO_QUERY = new URLSearchParams();
const NOT_OURS = jsonAnswer({ error: 'There is no such path.' }, 404);

/** Head and body of a short text leave in one write; bytes take two. */
const ONE_WRITE_BYTES = 16_384;

const send = (response: ServerResponse, { status, headers, body }: OpenInferenceAnswer): void => {
  if (response.destroyed || response.headersSent) return;
  const length = status === 204 ? {} : { 'content-length': body.byteLength };
  response.writeHead(status, { ...EDGE_HEADERS, ...headers, ...length });
  if (status === 204 || response.req.method === 'HEAD') return void response.end();
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const isShortText = headers['content-type'] === JSON_TYPE && bytes.length <= ONE_WRITE_BYTES;
  response.end(isShortText ? bytes.toString('utf8') : bytes);
};
