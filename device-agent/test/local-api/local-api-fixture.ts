/** A local API over models that live in the test, and bytes on a socket of one's own. */
import { once } from 'node:events';
import { connect, type NetConnectOpts } from 'node:net';
import {
  ModelMeter,
  readBundle,
  readCatalog,
  type InferOptions,
  type ModelRepository,
  type ServedAnswer,
  type ServedModel,
} from '@shoal/models';
import type { Tensors, TensorSpec } from '@shoal/protocol';
import { createLocalApi, type LocalApiConfig, type LocalApiParts } from '../../src/local-api/local-api-parts.ts';
import type { HoldDoor } from '../../src/local-api/hold-routes.ts';
import type { LocalViews } from '../../src/local-api/status-routes.ts';

export const catalogueFolder = async (name: string): Promise<string> => {
  const folder = (await readCatalog()).findLast((entry) => entry.name === name)?.folder;
  if (folder === undefined) throw new Error(`no ${name} in the catalogue`);
  return folder;
};

type Infer = (inputs: Tensors, options: InferOptions) => Promise<ServedAnswer>;

const echo: Infer = async ({ x }) => ({ outputs: x === undefined ? {} : { y: x }, elapsedMs: 1 });

/** x FP32 of any length comes back as y. */
export const echoModel = async (infer: Infer = echo): Promise<ServedModel> => {
  const bundle = await readBundle(await catalogueFolder('pump-anomaly'), { signaturePolicy: 'allow-unsigned' });
  const { featureView: _view, featureViewHash: _hash, window: _window, ...bare } = bundle.manifest;
  const vector = (name: string): TensorSpec => ({ name, datatype: 'FP32', shape: [-1] });
  const nonFinite = { nonFiniteInputs: 'allow', nonFiniteOutputs: 'allow' } as const;
  return {
    manifest: {
      ...bare,
      name: 'echo',
      version: '1.0.0',
      postProcessing: { kind: 'none' },
      signature: { inputs: [vector('x')], outputs: [vector('y')], ...nonFinite },
    },
    meter: new ModelMeter(),
    state: () => ({ state: 'READY', reason: '' }),
    infer,
    retryAfterMs: () => 0,
  };
};

const VIEWS: LocalViews = {
  health: () => ({ state: 'ok', reasons: [] }),
  status: () => ({ deviceId: 'pump-07' }),
  context: () => ({}),
  models: () => ({ models: [] }),
  outbox: () => ({ depth: 3 }),
};

const NO_UPDATES: HoldDoor = { held: () => null, hold: async () => ({}), release: async () => undefined };

export interface LocalApiPlan {
  readonly config?: Partial<LocalApiConfig>;
  readonly views?: Partial<LocalViews>;
  readonly updates?: HoldDoor;
  readonly infer?: Infer;
}

/** Started; stopped afterwards. */
export const withLocalApi = async (
  { config, views, updates = NO_UPDATES, infer }: LocalApiPlan,
  use: (url: string, api: LocalApiParts) => Promise<void>,
): Promise<void> => {
  const model = await echoModel(infer);
  const repository: ModelRepository = {
    list: () => [model],
    get: (name) => (name === 'echo' ? model : undefined),
  };
  const limits = { host: '127.0.0.1', port: 0, socket: null, maxBodyBytes: 65_536, requestTimeoutMs: 30_000 };
  const served = { views: { ...VIEWS, ...views }, updates, repository };
  const around = { ...served, agentVersion: '1.2.3', deadlineMs: 5_000, run: 'run' };
  const api = createLocalApi({ ...limits, ...config }, around);
  const url = await api.start();
  try {
    await use(url, api);
  } finally {
    await api.stop();
  }
};

export const addressOf = (url: string): NetConnectOpts => ({
  host: new URL(url).hostname,
  port: Number(new URL(url).port),
});

/** Sends the pieces one after the other and gives everything that came back until the server closed or the pieces said so. */
export const rawExchange = async (to: NetConnectOpts, ...pieces: readonly string[]): Promise<string> => {
  const socket = connect(to);
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  for (const piece of pieces) await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
  await closed;
  return answer;
};

export const BODY = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, 2] }] });

export const post = (headers: readonly string[], host = 'localhost'): string =>
  ['POST /v2/models/echo/infer HTTP/1.1', `Host: ${host}`, ...headers, '', ''].join('\r\n');
