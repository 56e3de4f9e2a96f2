/** What holds for every HTTP request before its route is known: where it comes from, what its body is, fixed headers. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FleetError, type FleetErrorCode } from './errors.ts';
import { foreignRequest } from './identity/same-machine.ts';

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** RFC 7396; its documents are read as JSON like any other. */
const MERGE_PATCH = 'application/merge-patch+json';
const JSON_TYPE = /^application\/(json|merge-patch\+json)\s*(;|$)/i;

export const guardHttpEdge = (http: FastifyInstance): void => {
  http.addContentTypeParser(MERGE_PATCH, { parseAs: 'string' }, http.getDefaultJsonParser('error', 'error'));
  http.addHook('onRequest', (request, reply, done) => {
    void reply.headers(HEADERS);
    done(foreignFault(request) ?? bodyFault(request));
  });
};

const REMEDIES: Partial<Record<FleetErrorCode, string>> = {
  HOST_FORBIDDEN: 'Call this server by localhost, 127.0.0.1 or [::1]',
  ORIGIN_FORBIDDEN: 'Pages of other origins may not change anything here',
};

const foreignFault = (request: FastifyRequest): FleetError | undefined => {
  const { host, origin } = request.headers;
  const fetchSite = request.headers['sec-fetch-site'];
  const code = foreignRequest({ method: request.method, host, origin, fetchSite: fetchSite?.toString() });
  if (code === undefined) return undefined;
  const named =
    code === 'HOST_FORBIDDEN' ? `Host "${host ?? ''}"` : `Origin "${origin ?? fetchSite?.toString() ?? ''}"`;
  return new FleetError(code, `${named.slice(0, 200)} is not accepted. ${REMEDIES[code] ?? ''}.`);
};

/** Also keeps forms of foreign pages out: they cannot send JSON without being asked for a preflight first. */
const bodyFault = ({ headers }: FastifyRequest): FleetError | undefined => {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) return undefined;
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    return new FleetError('MEDIA_TYPE_UNSUPPORTED', `Bodies in "${encoding}" are not read; send them plain.`);
  }
  const type = headers['content-type'] ?? '';
  if (JSON_TYPE.test(type)) return undefined;
  return new FleetError('MEDIA_TYPE_UNSUPPORTED', `Bodies of type "${type}" are not read; send application/json.`);
};
