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

/** By parameter name; undefined when the path is another one. */
const parametersIn = (pattern: string, path: string): Readonly<Record<string, string>> | undefined => {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const value = given[index] ?? '';
    if (!segment.startsWith(':')) {
      if (segment !== value) return undefined;
    } else if (value === '') return undefined;
    else parameters[segment.slice(1)] = value;
  }
  return parameters;
};

/** HEAD asks what GET answers. `path` is percent-encoded. Throws REQUEST_INVALID. */
export const matchRoute = (method: string, path: string): RouteMatch => {
  const asked = method === 'HEAD' ? 'GET' : method;
  const fitting = OPEN_INFERENCE_ROUTES.flatMap((route) => {
    const parameters = parametersIn(route.path, path);
    return parameters === undefined ? [] : [{ ...route, parameters }];
  });
  const [first] = fitting;
  if (first === undefined) return { found: 'nothing' };
  const route = fitting.find((candidate) => candidate.method === asked);
  if (route === undefined)
    return { found: 'path', allowed: first.method === 'GET' ? ['GET', 'HEAD', 'OPTIONS'] : ['POST', 'OPTIONS'] };
  const { model, version } = route.parameters;
  return {
    found: 'route',
    route: {
      call: route.id,
      model: model === undefined ? '' : decoded(model),
      version: version === undefined ? undefined : decoded(version),
    },
  };
};
