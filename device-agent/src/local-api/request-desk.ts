/** One request to the local API: who may ask, what is asked, and the answer on its way. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { faultAnswer, type OpenInferenceAnswer, type OpenInferenceService } from '@shoal/models';
import { foreignRequest } from '@shoal/protocol/wire';
import type { BodyReader } from './body-reader.ts';
import { exampleLines, examplePage, readExampleQuery } from './example-list.ts';
import { answerHold, HOLD_PATH, type HoldDoor } from './hold-routes.ts';
import type { FeedKind, RecordFeed } from './record-feed.ts';
import { answerLocal, problem, READ_METHODS, type LocalAnswer, type LocalViews } from './status-routes.ts';

export interface RequestDeskOptions {
  readonly views: LocalViews;
  readonly updates: HoldDoor;
  readonly service: OpenInferenceService;
  readonly feed: RecordFeed;
  readonly bodies: BodyReader;
}

const FEEDS: Readonly<Record<string, FeedKind>> = { '/readings': 'readings', '/predictions': 'predictions' };
const FIXED_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;
const REFUSALS = {
  HOST_FORBIDDEN: 'Ask by a loopback name: localhost, 127.0.0.1 or [::1].',
  ORIGIN_FORBIDDEN: 'A page of another origin may not change anything here.',
} as const;

const isOpenInference = (path: string): boolean => path === '/v2' || path.startsWith('/v2/') || path === '/predict';

const headerText = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(', ') : value;

/** A socket file has no host that a page could name. */
const refusalOf = (request: IncomingMessage, viaSocket: boolean): keyof typeof REFUSALS | undefined =>
  foreignRequest({
    method: request.method ?? 'GET',
    host: viaSocket ? undefined : request.headers.host,
    origin: request.headers.origin,
    fetchSite: headerText(request.headers['sec-fetch-site']),
  });

const asBytes = ({ status, body, headers = {} }: LocalAnswer): OpenInferenceAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: status === 204 ? new Uint8Array() : Buffer.from(`${JSON.stringify(body)}\n`, 'utf8'),
});

export class RequestDesk {
  readonly #options: RequestDeskOptions;

  constructor(options: RequestDeskOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async answer(request: IncomingMessage, response: ServerResponse, viaSocket: boolean): Promise<void> {
    try {
      const answer = await this.#decide(request, response, viaSocket);
      if (answer !== undefined) send(request, response, answer);
    } catch (error) {
      send(request, response, faultAnswer(error));
    }
  }

  /** Undefined when the answer is a stream that has begun. */
  async #decide(
    request: IncomingMessage,
    response: ServerResponse,
    viaSocket: boolean,
  ): Promise<OpenInferenceAnswer | undefined> {
    const { method = 'GET', url = '/' } = request;
    const [path = '/', query = ''] = url.split('?', 2);
    const refusal = refusalOf(request, viaSocket);
    if (refusal !== undefined) return refused(path, refusal);
    const kind = Object.hasOwn(FEEDS, path) ? FEEDS[path] : undefined;
    if (kind !== undefined) return this.#listen(kind, request, response);
    if (isOpenInference(path)) return this.#infer(request, response, { method, path, query });
    if (path === HOLD_PATH) return asBytes(await answerHold(request, this.#options.bodies, this.#options.updates));
    if (path === '/hard-examples') return this.#examples(response, method, query);
    return asBytes(await answerLocal(method, path, this.#options.views));
  }

  async #examples(response: ServerResponse, method: string, query: string): Promise<OpenInferenceAnswer | undefined> {
    if (method === 'OPTIONS') return asBytes({ status: 204, body: {}, headers: { allow: READ_METHODS } });
    if (method !== 'GET' && method !== 'HEAD')
      return asBytes(problem(405, 'Only GET is answered here.', { allow: READ_METHODS }));
    const asked = readExampleQuery(query);
    if (typeof asked === 'string') return asBytes(problem(400, `The list takes no such query: ${asked}.`));
    const examples = (await this.#options.views.hardExamples?.()) ?? [];
    if (asked.format === 'json' || method === 'HEAD')
      return asBytes({ status: 200, body: examplePage(examples, asked) });
    response.writeHead(200, {
      ...FIXED_HEADERS,
      'content-type': 'application/x-ndjson; charset=utf-8',
      'content-disposition': 'attachment; filename="hard-examples.ndjson"',
    });
    // Who leaves in the middle is not waited for.
    await pipeline(Readable.from(exampleLines(examples, asked)), response).catch(() => undefined);
    return undefined;
  }

  #listen(kind: FeedKind, request: IncomingMessage, response: ServerResponse): OpenInferenceAnswer | undefined {
    if (request.method === 'OPTIONS') return asBytes({ status: 204, body: {}, headers: { allow: READ_METHODS } });
    if (request.method !== 'GET') return asBytes(problem(405, 'Only GET is answered here.', { allow: READ_METHODS }));
    const lastEventId = headerText(request.headers['last-event-id']);
    if (this.#options.feed.listen(kind, response, lastEventId)) return undefined;
    return asBytes(problem(503, 'Too many listen already; end one first.', { 'retry-after': '10' }));
  }

  async #infer(
    request: IncomingMessage,
    response: ServerResponse,
    asked: { readonly method: string; readonly path: string; readonly query: string },
  ): Promise<OpenInferenceAnswer> {
    const left = new AbortController();
    response.once('close', () => left.abort());
    const { service, bodies } = this.#options;
    const { method, path, query } = asked;
    const about = { method, path, query: new URLSearchParams(query), headers: request.headers, signal: left.signal };
    const answer = async (body: Uint8Array): Promise<OpenInferenceAnswer> =>
      (await service.answer({ ...about, body })) ?? asBytes(problem(404, 'No such path.'));
    return method === 'POST' ? bodies.read(request, answer) : answer(new Uint8Array());
  }
}

const refused = (path: string, code: keyof typeof REFUSALS): OpenInferenceAnswer => {
  const sentence = REFUSALS[code];
  const headers = { 'shoal-error-code': code };
  return asBytes(
    isOpenInference(path)
      ? { status: 403, body: { error: sentence }, headers }
      : { status: 403, body: { status: 403, detail: sentence }, headers },
  );
};

/** What is left of a body is read and thrown away, so that the connection can go on; the server bounds how long. */
const send = (
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body }: OpenInferenceAnswer,
): void => {
  request.resume();
  if (response.destroyed || response.headersSent) return;
  const length = status === 204 ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  response.writeHead(status, { ...FIXED_HEADERS, ...headers, ...length });
  response.end(request.method === 'HEAD' ? undefined : body);
};
