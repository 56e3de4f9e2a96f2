/** What holds for every HTTP request before its route is known: where it comes from, what its body is, fixed headers. */
import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { foreignRequest } from '@shoal/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FleetError, type FleetErrorCode } from './errors.ts';
import type { Metrics } from './ports/metrics.ts';
import { problemOf } from './problem.filter.ts';

/** Of every answer. */
export const EDGE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** RFC 7396; its documents are read as JSON like any other. */
const MERGE_PATCH = 'application/merge-patch+json';
/** Files are read as they come, by the route itself. */
const CSV = 'text/csv';
const CSV_TYPE = /^text\/csv\s*(;|$)/i;
const CSV_ROUTE = /^\/api\/features\/[^/]+\/import(\?|$)/;
/** A packed bundle. */
const ARCHIVE = 'application/x-tar';
const ARCHIVE_ROUTE = /^\/api\/models(\?|$)/;
/** An image of an operating system. */
const IMAGE = 'application/octet-stream';
const IMAGE_ROUTE = /^\/api\/system\/images(\?|$)/;
const JSON_TYPE = /^application\/(json|merge-patch\+json)\s*(;|$)/i;

export const guardHttpEdge = (http: FastifyInstance): void => {
  http.addContentTypeParser(MERGE_PATCH, { parseAs: 'string' }, http.getDefaultJsonParser('error', 'error'));
  for (const type of [CSV, ARCHIVE, IMAGE]) http.addContentTypeParser(type, (_, payload, done) => done(null, payload));
  http.addHook('onRequest', (request, reply, done) => {
    void reply.headers(EDGE_HEADERS);
    done(foreignFault(request.method, request.headers) ?? bodyFault(request));
  });
  // RFC 9110 13.1.2: who has the current representation already is not sent it again.
  http.addHook('onSend', (request, reply, payload, done) => {
    const isKnown = request.method === 'GET' && reply.statusCode === 200 && isCurrent(request, reply.getHeader('etag'));
    if (!isKnown) return done(null, payload);
    void reply.code(304).removeHeader('content-type');
    done(null, '');
  });
};

const isCurrent = (request: FastifyRequest, etag: unknown): boolean => {
  if (typeof etag !== 'string') return false;
  const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known !== undefined && (known.includes(etag) || known.includes('*'));
};

/** For what never becomes a request: answers with a problem, counts it, closes the socket. */
export const answerBrokenRequest =
  (metrics: Metrics) =>
  (cause: Error & { readonly code?: string }, socket: Socket): void => {
    if (cause.code === 'ECONNRESET' || socket.destroyed) return;
    const { code, message } = BROKEN[cause.code ?? ''] ?? MALFORMED;
    const problem = problemOf(new FleetError(code, message, { cause }), 'no-request');
    metrics.count('http_errors_total', 1, { code });
    const body = JSON.stringify(problem);
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ];
    if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
    socket.destroySoon();
  };

interface BrokenRequest {
  readonly code: FleetErrorCode;
  readonly message: string;
}

const MALFORMED: BrokenRequest = { code: 'HTTP_MALFORMED', message: 'This is no HTTP/1.1 request.' };
/** By the code of Node's HTTP parser. */
const BROKEN: Readonly<Record<string, BrokenRequest>> = {
  HPE_HEADER_OVERFLOW: { code: 'HEADERS_TOO_LARGE', message: 'The request headers are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'REQUEST_TOO_SLOW', message: 'The request did not arrive whole in time.' },
};

const REMEDIES: Partial<Record<FleetErrorCode, string>> = {
  HOST_FORBIDDEN: 'Call this server by localhost, 127.0.0.1 or [::1]',
  ORIGIN_FORBIDDEN: 'Pages of other origins may not change anything here',
};

/** HOST_FORBIDDEN, ORIGIN_FORBIDDEN: pages that came in through a name or an origin that is not this machine's. */
export const foreignFault = (method: string, headers: IncomingHttpHeaders): FleetError | undefined => {
  const { host, origin } = headers;
  const fetchSite = headers['sec-fetch-site'];
  const code = foreignRequest({ method, host, origin, fetchSite: fetchSite?.toString() });
  if (code === undefined) return undefined;
  const named =
    code === 'HOST_FORBIDDEN' ? `Host "${host ?? ''}"` : `Origin "${origin ?? fetchSite?.toString() ?? ''}"`;
  return new FleetError(code, `${named.slice(0, 200)} is not accepted. ${REMEDIES[code] ?? ''}.`);
};

/** Also keeps forms of foreign pages out: they cannot send JSON without being asked for a preflight first. */
const bodyFault = ({ headers, url }: FastifyRequest): FleetError | undefined => {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) return undefined;
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    return new FleetError('MEDIA_TYPE_UNSUPPORTED', `Bodies in "${encoding}" are not read; send them plain.`);
  }
  const type = headers['content-type'] ?? '';
  if (JSON_TYPE.test(type) || (CSV_TYPE.test(type) && CSV_ROUTE.test(url))) return undefined;
  if (type === ARCHIVE && ARCHIVE_ROUTE.test(url)) return undefined;
  if (type === IMAGE && IMAGE_ROUTE.test(url)) return undefined;
  return new FleetError('MEDIA_TYPE_UNSUPPORTED', `Bodies of type "${type}" are not read; send application/json.`);
};
