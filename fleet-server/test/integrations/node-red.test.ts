/** The Node-RED flows that come with Shoal: importable as they are, and their functions do with real messages what they say. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import {
  alertSchema,
  examplesOf,
  MQTT_CHANNELS,
  OPERATIONS,
  predictionSubmitSchema,
  predictionTicketSchema,
  storedPredictionSchema,
  type Alert,
} from '@shoal/protocol';
import { LoopbackAuthenticator } from '../../src/adapters/embedded/loopback-authenticator.ts';
import { filterMatches } from '../../src/adapters/embedded/aedes-gateway/topic-filter.ts';

const FOLDER = fileURLToPath(new URL('../../../docs/integrations/node-red/', import.meta.url));
const FLOWS = readdirSync(FOLDER);

interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly z?: string;
  readonly name?: string;
  readonly wires?: readonly (readonly string[])[];
  readonly [property: string]: unknown;
}

/** Nodes of Node-RED's own palette, with what each cannot do without, and how many outputs it has. */
const PALETTE: Readonly<Record<string, { readonly needs: readonly string[]; readonly outputs?: number }>> = {
  tab: { needs: ['label', 'info'] },
  'mqtt-broker': { needs: ['broker', 'port', 'clientid', 'protocolVersion', 'keepalive', 'cleansession'] },
  'mqtt in': { needs: ['topic', 'qos', 'datatype', 'broker'], outputs: 1 },
  function: { needs: ['func', 'outputs'] },
  debug: { needs: ['active', 'tosidebar', 'complete', 'targetType'], outputs: 0 },
  'http request': { needs: ['method', 'ret', 'url'], outputs: 1 },
  'http in': { needs: ['url', 'method'], outputs: 1 },
  'http response': { needs: ['statusCode'], outputs: 0 },
  inject: { needs: ['props'], outputs: 1 },
  switch: { needs: ['property', 'propertyType', 'rules', 'outputs'] },
  change: { needs: ['rules'], outputs: 1 },
};

const flowOf = (file: string): FlowNode[] => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as FlowNode[];
const nodeOf = (file: string, name: string): FlowNode => {
  const found = flowOf(file).find((node) => node.name === name);
  if (found === undefined) throw new Error(`${file} has no node "${name}"`);
  return found;
};

describe.each(FLOWS)('%s', (file) => {
  const nodes = flowOf(file);
  const ids = new Map(nodes.map((node) => [node.id, node]));
  const tabs = nodes.filter(({ type }) => type === 'tab').map(({ id }) => id);

  test('has known nodes with ids of their own, on one tab, wired to each other', () => {
    expect([ids.size, tabs.length]).toEqual([nodes.length, 1]);
    for (const node of nodes) {
      const { needs, outputs } = PALETTE[node.type] ?? { needs: ['a type that is known'] };
      expect([node.type, needs.filter((property) => !(property in node))]).toEqual([node.type, []]);
      if (node.type === 'tab' || node.type === 'mqtt-broker') continue;
      expect([node.id, tabs.includes(node.z ?? ''), node['x'], node['y']]).toEqual([
        node.id,
        true,
        expect.any(Number),
        expect.any(Number),
      ]);
      expect([node.id, node.wires?.length]).toEqual([node.id, outputs ?? node['outputs']]);
      for (const target of (node.wires ?? []).flat()) expect(ids.get(target)?.z).toBe(node.z);
    }
  });

  test('subscribes as a third party, to what is published', () => {
    const authenticator = new LoopbackAuthenticator();
    for (const { topic, broker } of nodes.filter(({ type }) => type === 'mqtt in')) {
      const { clientid, protocolVersion }: Partial<FlowNode> = ids.get(String(broker)) ?? {};
      const remoteAddress = '127.0.0.1';
      const credentials = { username: undefined, password: undefined, remoteAddress };
      const entry = authenticator.authenticate({ channel: 'mqtt', clientId: String(clientid), ...credentials });
      if (entry instanceof Promise || !entry.ok) throw new Error('the client is refused');
      expect([protocolVersion, authenticator.maySubscribe(entry.principal, String(topic))]).toEqual(['4', true]);
      const addresses = MQTT_CHANNELS.map(({ address }) => address.replaceAll(/\{\w+\}/g, 'x'));
      expect(addresses.some((address) => filterMatches(String(topic), address))).toBe(true);
    }
  });

  test('calls routes of the API', () => {
    const calls = nodes.filter(({ type, url }) => type === 'http request' && String(url).includes(':8080'));
    for (const { method, url } of calls) {
      const { pathname } = new URL(String(url));
      expect(OPERATIONS.some((row) => row.path === pathname && row.method === String(method).toLowerCase())).toBe(true);
    }
  });
});

type Message = Record<string, unknown>;

/** As Node-RED runs a function node: the text is a body, its context is kept from message to message. */
const runOf = (file: string, name: string): ((msg: Message) => Message | null) => {
  const kept = new Map<string, unknown>();
  const context = { get: (key: string) => kept.get(key), set: (key: string, value: unknown) => kept.set(key, value) };
  const body = compileFunction(String(nodeOf(file, name)['func']), ['msg', 'context']) as unknown as (
    msg: Message,
    context: unknown,
  ) => Message | null;
  return (msg) => body(msg, context);
};

describe('the functions of the flows', () => {
  test('make a line of a prediction', () => {
    const [payload] = examplesOf(storedPredictionSchema);
    const line = runOf('live-predictions.json', 'as a line')({ payload });
    expect(line?.['payload']).toBe('pump-07 pump-anomaly score=0.42 normal (edge)');
  });

  test('tell of an alert when it fires and when it is resolved, and once', () => {
    const news = runOf('alerts-to-http.json', 'news only');
    const [example] = examplesOf(alertSchema) as [Alert];
    const tell = (change: Partial<Alert>): unknown => news({ payload: { ...example, ...change } })?.['topic'] ?? null;
    expect(
      [
        { state: 'resolved' as const, alertId: 'a-3f9c-1' },
        { state: 'firing' as const },
        { state: 'firing' as const, acknowledgedBy: 'somebody', revision: 3 },
        { state: 'resolved' as const, revision: 4 },
        { state: 'resolved' as const, revision: 4 },
      ].map(tell),
    ).toEqual([null, 'alarm: pump-hot fires for pump-07', null, 'alarm: pump-hot is resolved for pump-07', null]);
  });

  test('ask what the API accepts, and answer with the prediction', () => {
    const file = 'ask-for-a-prediction.json';
    const [{ v: features } = { v: '' }] = nodeOf(file, 'try it')['props'] as { readonly v: string }[];
    const question = runOf(file, 'question')({ req: { query: { features } } });
    expect(predictionSubmitSchema.parse(question?.['payload'])).toMatchObject({ model: 'pump-anomaly', wait: 10 });
    const [ticket] = examplesOf(predictionTicketSchema);
    const answer = runOf(file, 'prediction')({ payload: ticket });
    expect(answer?.['payload']).toMatchObject({ model: 'pump-risk', prediction: [0.25], error: null });
  });
});
