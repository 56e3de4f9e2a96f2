/** The paths of the Open Inference Protocol as one table: `node:http` asks it per request, a framework mounts its rows. */
import { ModelError } from '../errors.ts';

export const OPEN_INFERENCE_ROUTES = [
  { id: 'server-metadata', method: 'GET', path: '/v2' },
  { id: 'server-metadata', method: 'GET', path: '/v2/' },
  { id: 'server-live', method: 'GET', path: '/v2/health/live' },
  { id: 'server-ready', method: 'GET', path: '/v2/health/ready' },
  { id: 'server-statistics', method: 'GET', path: '/v2/models/stats' },
  { id: 'model-metadata', method: 'GET', path: '/v2/models/:model' },
  { id: 'model-metadata', method: 'GET', path: '/v2/models/:model/versions/:version' },
  { id: 'model-ready', method: 'GET', path: '/v2/models/:model/ready' },
  { id: 'model-ready', method: 'GET', path: '/v2/models/:model/versions/:version/ready' },
  { id: 'model-infer', method: 'POST', path: '/v2/models/:model/infer' },
  { id: 'model-infer', method: 'POST', path: '/v2/models/:model/versions/:version/infer' },
  { id: 'model-config', method: 'GET', path: '/v2/models/:model/config' },
  { id: 'model-config', method: 'GET', path: '/v2/models/:model/versions/:version/config' },
  { id: 'model-statistics', method: 'GET', path: '/v2/models/:model/stats' },
  { id: 'model-statistics', method: 'GET', path: '/v2/models/:model/versions/:version/stats' },
  { id: 'model-openapi', method: 'GET', path: '/v2/models/:model/docs/dataplane.json' },
  { id: 'model-openapi', method: 'GET', path: '/v2/models/:model/versions/:version/docs/dataplane.json' },
  { id: 'repository-index', method: 'POST', path: '/v2/repository/index' },
  { id: 'repository-load', method: 'POST', path: '/v2/repository/models/:model/load' },
  { id: 'repository-unload', method: 'POST', path: '/v2/repository/models/:model/unload' },
  { id: 'predict', method: 'POST', path: '/predict' },
] as const;

export type OpenInferenceCall = (typeof OPEN_INFERENCE_ROUTES)[number]['id'];

export interface MatchedRoute {
  readonly call: OpenInferenceCall;
  /** What the path names; a server-wide path names none. */
  readonly model: string;
  readonly version: string | undefined;
}

export type RouteMatch =
  | { readonly found: 'route'; readonly route: MatchedRoute }
  | { readonly found: 'path'; readonly allowed: readonly string[] }
  | { readonly found: 'nothing' };

const decoded = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new ModelError('REQUEST_INVALID', `"${segment.slice(0, 40)}" in the path is not percent-encoded UTF-8`, {
      cause,
    });
  }
};

interface Pattern {
  readonly route: (typeof OPEN_INFERENCE_ROUTES)[number];
  readonly segments: readonly string[];
}

/** By number of segments: a request is compared with few. */
const PATTERNS: ReadonlyMap<number, readonly Pattern[]> = Map.groupBy(
  OPEN_INFERENCE_ROUTES.map((route): Pattern => ({ route, segments: route.path.split('/') })),
  ({ segments }) => segments.length,
);

const MOST_SEGMENTS = Math.max(...PATTERNS.keys());

const fits = ({ segments }: Pattern, given: readonly string[]): boolean =>
  segments.every((segment, index) => (segment.startsWith(':') ? given[index] !== '' : segment === given[index]));

const parameterIn = ({ segments }: Pattern, given: readonly string[], name: string): string | undefined => {
  const index = segments.indexOf(name);
  return index === -1 ? undefined : decoded(given[index] ?? '');
};

/** HEAD asks what GET answers. `path` is percent-encoded. Throws REQUEST_INVALID. */
export const matchRoute = (method: string, path: string): RouteMatch => {
  const asked = method === 'HEAD' ? 'GET' : method;
  const given = path.split('/', MOST_SEGMENTS + 1);
  const fitting = PATTERNS.get(given.length)?.filter((pattern) => fits(pattern, given)) ?? [];
  const [first] = fitting;
  if (first === undefined) return { found: 'nothing' };
  const pattern = fitting.find(({ route }) => route.method === asked);
  if (pattern === undefined)
    return { found: 'path', allowed: first.route.method === 'GET' ? ['GET', 'HEAD', 'OPTIONS'] : ['POST', 'OPTIONS'] };
  return {
    found: 'route',
    route: {
      call: pattern.route.id,
      model: parameterIn(pattern, given, ':model') ?? '',
      version: parameterIn(pattern, given, ':version'),
    },
  };
};
