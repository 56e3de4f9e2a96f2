/** Which model looks at which streams: sensors by name, and the predictions of other models as `model:` and their name. Pure. */

/** As much of a model's configuration as says where it stands. */
export interface ChainLink {
  readonly bundle: string;
  readonly name?: string | undefined;
  readonly source?: string | readonly string[] | undefined;
}

export interface ConfigFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The stream of predictions of the model that is called `name`. */
export const modelStream = (name: string): string => `model:${name}`;

export const isModelStream = (stream: string): boolean => stream.startsWith('model:');

/** What others call a model; undefined for a bundle in a folder that was given no name. */
export const modelName = ({ name, bundle }: ChainLink): string | undefined =>
  name ?? (bundle.includes('/') || bundle.startsWith('.') ? undefined : bundle);

/** Streams a model looks at, without doubles; `first` stands in where none is named. */
export const sourcesOf = ({ source }: ChainLink, first: string | undefined): readonly string[] => {
  const named = source ?? first;
  return named === undefined ? [] : typeof named === 'string' ? [named] : [...new Set(named)];
};

/** The way from `stream` back to itself, or null. */
const cycleFrom = (stream: string, upstream: ReadonlyMap<string, readonly string[]>): readonly string[] | null => {
  const visited = new Set<string>();
  const walk = (at: string, path: readonly string[]): readonly string[] | null => {
    for (const next of upstream.get(at) ?? []) {
      if (next === stream) return [...path, next];
      if (visited.has(next)) continue;
      visited.add(next);
      const found = walk(next, [...path, next]);
      if (found !== null) return found;
    }
    return null;
  };
  return walk(stream, [stream]);
};

/** Sources that are neither sensor nor model, names that two models have while another refers to them, and circles. */
export const chainFaults = (config: {
  readonly sensors: readonly { readonly name: string }[];
  readonly models: readonly ChainLink[];
}): ConfigFault[] => {
  const { sensors, models } = config;
  const streams = models.map((model) => modelStream(modelName(model) ?? ''));
  const known = new Set([...sensors.map(({ name }) => name), ...streams]);
  const upstream = new Map(models.map((model, index) => [streams[index] ?? '', sourcesOf(model, undefined)]));
  return models.flatMap((model, index): ConfigFault[] => {
    const path = ['models', index, 'source'];
    const sources = sourcesOf(model, undefined);
    const unknown = sources.filter((source) => !known.has(source));
    const doubled = sources.filter((source) => streams.filter((stream) => stream === source).length > 1);
    const faults = [
      ...unknown.map((source) => `the source of a model must be the name of a sensor or of a named model: ${source}`),
      ...doubled.map((source) => `several models are called so: ${source}`),
    ].map((message): ConfigFault => ({ path, message }));
    const cycle = cycleFrom(streams[index] ?? '', upstream);
    return cycle === null ? faults : [...faults, { path, message: `models in a circle: ${cycle.join(' looks at ')}` }];
  });
};

/** Upstream first. Streams that are not among `links` count as given. Anything in a circle, which the configuration refuses, comes last. */
export const inChainOrder = <T extends { readonly stream: string; readonly sources: readonly string[] }>(
  links: readonly T[],
): T[] => {
  const ordered: T[] = [];
  let waiting = [...links];
  while (waiting.length > 0) {
    const ready = waiting.filter(({ sources }) => !waiting.some(({ stream }) => sources.includes(stream)));
    if (ready.length === 0) return [...ordered, ...waiting];
    ordered.push(...ready);
    waiting = waiting.filter((link) => !ready.includes(link));
  }
  return ordered;
};
