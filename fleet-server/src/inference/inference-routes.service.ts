/** `/v2` and `/predict` on the HTTP server: bytes in, bytes out, below the framework and behind the same door. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import {
  bytesOf,
  faultAnswer,
  JSON_TYPE,
  jsonAnswer,
  ModelError,
  OpenInferenceService,
  PRIORITY_NAME,
  unreadRefusal,
  type OpenInferenceAnswer,
} from '@shoal/models';
import { FleetError } from '../errors.ts';
import { EDGE_HEADERS, foreignFault } from '../http-edge.ts';
import type { RequestTaker } from '../http-front.ts';
import type { PlainReply, PlainRequest, PlainTaker } from '../http-plain/plain-exchange.ts';
import { Authenticator, type Authentication } from '../ports/authenticator.ts';
import { readVersion } from '../version.ts';
import { BodyBudget } from './body-budget.ts';
import { Callers } from './callers.ts';
import type { ModelVersion } from './model-version.ts';
import { ServedModels } from './served-models.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** Bodies of so many largest requests may be on their way at a time. */
const BODIES_AT_ONCE = 4;
/** What the codec reads at once; larger bodies are worth the way through Node's parser. */
const PLAIN_BODY_BYTES = 32_768;
const OURS = /^\/(?:v2|predict)(?:$|\?)|^\/v2\//;
const INFERENCE = /^\/v2\/models\/([^/?]+)(?:\/versions\/([^/?]+))?\/infer(?:$|\?)/;
const PREDICT = /^\/predict(?:$|\?)/;
/** What changes the server; inference asks and changes nothing. */
const CHANGES = /^\/v2\/repository\/models\/[^/]+\/(load|unload)(\?|$)/;

/** Of any transport below the framework. */
interface Caller {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
}

/** What was refused last without being read. */
interface Unread {
  /** When the requests of that turn of the loop came. */
  readonly turn: number;
  readonly model: ModelVersion;
  readonly reason: ModelError;
  readonly answer: OpenInferenceAnswer;
}

@Injectable()
export class InferenceRoutes implements RequestTaker {
  readonly plain: PlainTaker;
  private readonly around: Surroundings;
  private readonly authenticator: Authenticator;
  private readonly models: ServedModels;
  private readonly service: OpenInferenceService;
  private readonly budget: BodyBudget;
  private readonly callers = new Callers();
  private lastUnread: Unread | undefined;

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
    this.plain = {
      maxBodyBytes: Math.min(PLAIN_BODY_BYTES, bodyLimitBytes),
      recognises: (url) => PREDICT.test(url) || INFERENCE.test(url),
      take: (request, reply) => this.takePlain(request, reply),
      noteAbandoned: () => this.countFault('INFERENCE_CANCELED'),
    };
  }

  take(request: IncomingMessage, response: ServerResponse): boolean {
    const { url = '/' } = request;
    if (!OURS.test(url)) return false;
    if (this.isSwamped(url)) send(response, SWAMPED);
    else void this.serve(request, response, url);
    return true;
  }

  /** The same in one turn where nothing has to be waited for but the model. */
  private takePlain(request: PlainRequest, reply: PlainReply): boolean {
    if (this.isSwamped(request.url)) {
      reply.send(SWAMPED);
      return true;
    }
    if (!this.budget.hold(request.body)) return false;
    const answered = (answer: OpenInferenceAnswer): void => {
      this.budget.release(request.body);
      reply.send(answer);
    };
    const refused = (error: unknown): void => answered(this.refusal(error));
    try {
      const admitted = this.admit({ ...request, method: 'POST' });
      const answer = admitted === undefined ? this.ask(request) : admitted.then(() => this.ask(request));
      if (answer instanceof Promise) answer.then(answered, refused);
      else answered(answer);
    } catch (error) {
      refused(error);
    }
    return true;
  }

  private ask({ url, headers, body, signal }: PlainRequest): Promise<OpenInferenceAnswer> | OpenInferenceAnswer {
    const arrivedAt = this.around.arrivals.arrivedAt();
    const refusal = this.refusalUnread(url, body, arrivedAt);
    if (refusal !== undefined) return refusal;
    const answer = this.service.answer({ method: 'POST', ...targetOf(url), headers, body, signal, arrivedAt });
    if (answer instanceof Promise) return answer.then((given) => given ?? NOT_OURS);
    return answer ?? NOT_OURS;
  }

  /** What a full line refuses whatever the body says. One answer does for all that are refused in a turn of the loop. */
  private refusalUnread(url: string, body: Buffer, turn: number): OpenInferenceAnswer | undefined {
    const model = this.asked(url);
    if (model === undefined || model.queueFill() < 1) return undefined;
    const known = this.lastUnread;
    if (known?.turn === turn && known.model === model && !body.includes(PRIORITY_NAME)) {
      model.noteUnread(known.reason);
      return known.answer;
    }
    const reason = unreadRefusal(body, model);
    if (reason === undefined) return undefined;
    const answer = faultAnswer(reason, { retryAfterMs: model.retryAfterMs() });
    this.lastUnread = { turn, model, reason, answer };
    return answer;
  }

  /** Undefined for what names none, or leaves it to the body. */
  private asked(url: string): ModelVersion | undefined {
    const [, name = '', version] = INFERENCE.exec(url) ?? [];
    return PREDICT.test(url) ? this.models.only() : this.models.get(name, version);
  }

  /**
   * Whether what is asked of a model would only be read to be refused: its line is full and the loop is late. Nobody is kept from overtaking by
   * his priority while there is time to read it; a loop that is late has none.
   */
  private isSwamped(url: string): boolean {
    if (this.around.arrivals.lateMs() <= LATE_MS) return false;
    const model = this.asked(url);
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
      await this.admit({ method, url, headers, remoteAddress: request.socket.remoteAddress ?? '' });
      if (method === 'POST') body = await this.read(request, response);
      const signal = this.callers.signalOf(request.socket);
      const answer = await this.service.answer({ method, ...targetOf(url), headers, body, signal, arrivedAt });
      send(response, answer ?? NOT_OURS);
    } catch (error) {
      send(response, this.refusal(error));
    } finally {
      this.budget.release(body);
    }
  }

  /** Throws or rejects with FleetError HOST_FORBIDDEN, ORIGIN_FORBIDDEN, UNAUTHENTICATED, FORBIDDEN; nothing to wait for where the authenticator knows at once. */
  private admit({ method, url, headers, remoteAddress }: Caller): Promise<void> | undefined {
    const foreign = foreignFault(method, headers);
    if (foreign !== undefined) throw foreign;
    const authentication = this.authenticator.authenticate({ channel: 'http', headers, remoteAddress });
    if (authentication instanceof Promise) return authentication.then((found) => this.permit(found, url));
    this.permit(authentication, url);
    return undefined;
  }

  private permit(authentication: Authentication, url: string): void {
    if (!authentication.ok) throw new FleetError('UNAUTHENTICATED', `Not accepted: ${authentication.reason}.`);
    const action = CHANGES.test(url) ? 'write' : 'read';
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
  private refusal(error: unknown): OpenInferenceAnswer {
    const answer = faultAnswer(error);
    this.countFault(answer.headers['shoal-error-code'] ?? 'INTERNAL');
    return answer;
  }

  private countFault(code: string): void {
    this.around.metrics.count('http_errors_total', 1, { code });
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

const targetOf = (url: string): { readonly path: string; readonly query: URLSearchParams } => {
  const mark = url.indexOf('?');
  return mark === -1
    ? { path: url, query: NO_QUERY }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
};

/** Head and body of a short text leave in one write; bytes take two. */
const ONE_WRITE_BYTES = 16_384;

const send = (response: ServerResponse, answer: OpenInferenceAnswer): void => {
  if (response.destroyed || response.headersSent) return;
  const { status, headers } = answer;
  const bytes = bytesOf(answer);
  const length = status === 204 ? {} : { 'content-length': bytes.length };
  response.writeHead(status, { ...EDGE_HEADERS, ...headers, ...length });
  if (status === 204 || response.req.method === 'HEAD') return void response.end();
  const isShortText = headers['content-type'] === JSON_TYPE && bytes.length <= ONE_WRITE_BYTES;
  response.end(isShortText ? bytes.toString('utf8') : bytes);
};
