/** The Grafana dashboards that come with Shoal: what they ask for is what a server that has worked a little really says. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { OPERATIONS, topics } from '@shoal/protocol';
import { call } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { EPOCH, TestDevice } from '../test-device.ts';

jest.setTimeout(120_000);

interface Target {
  readonly refId: string;
  readonly expr?: string;
  readonly legendFormat?: string;
  readonly url?: string;
  readonly root_selector?: string;
  readonly url_options?: { readonly params: readonly { readonly key: string; readonly value: string }[] };
  readonly columns?: readonly { readonly selector: string }[];
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly Target[];
}
interface Dashboard {
  readonly uid: string;
  readonly __inputs: readonly { readonly name: string }[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
  readonly panels: readonly Panel[];
}

const dashboard = (name: string): Dashboard =>
  JSON.parse(
    readFileSync(fileURLToPath(new URL(`../../../docs/integrations/grafana/${name}.json`, import.meta.url)), 'utf8'),
  ) as Dashboard;
const METRICS = dashboard('server-metrics');
const FLEET = dashboard('fleet');
const targetsOf = ({ panels }: Dashboard): Target[] => panels.flatMap(({ targets }) => targets ?? []);

let server: TestServer;
let device: TestDevice;
beforeAll(async () => {
  server = await startTestServer({
    SHOAL_ALERTS_IDLE_MS: '20',
    SHOAL_STREAMS_IDLE_MS: '20',
    SHOAL_DELIVERY_ALLOWED_HOSTS: '127.0.0.1',
  });
  const api = `${server.httpUrl}/api`;
  device = await TestDevice.online(server.mqttPort, 'pump-1');
  const window = { kind: 'tumbling', sizeMs: 1_000 };
  const aggregates = [{ name: 'records', aggregate: 'count' }];
  const stream = {
    name: 's',
    source: { kind: 'readings' },
    key: { by: 'device' },
    window,
    aggregates,
    allowedLatenessMs: 0,
  };
  await call('POST', `${api}/streams`, stream);
  const rule = {
    name: 'hot',
    on: { kind: 'readings' },
    when: { value: 'Pressure', above: 1 },
    notify: { channels: [{ type: 'mqtt', topic: 'shoal/v1/alerts/told' }] },
  };
  await call('POST', `${api}/alert-rules`, rule);
  const at = Date.now();
  const readings = [2, 0, 2].map((Pressure, index) => ({
    sequence: index + 1,
    observedAt: at - 5_000 + index * 2_000,
    source: 'pump',
    values: { Pressure },
  }));
  await device.records('readings', readings);
  await device.records('readings', readings);
  const model = { name: 'pump-anomaly', version: '1.0.0' };
  const span = { startAt: at - 1_000, endAt: at, count: 1 };
  await device.records('predictions', [
    { sequence: 4, observedAt: at, model, window: span, outputs: { score: 0.5 }, source: 'edge' },
  ]);
  await device.client.publishAsync(topics.records('pump-1', 'readings'), 'no batch', { qos: 1 });
  // Refused, and its connection is closed.
  const stranger = await TestDevice.connect(server.mqttPort, 'pump-2');
  stranger.client.publish(topics.records('pump-1', 'readings'), EPOCH, { qos: 0 });
  const asked = { model: 'pump-anomaly', features: Array.from({ length: 11 }, () => 0.2), wait: 60 };
  const { status, text: answer } = await call('POST', `${api}/predictions`, asked);
  if (status !== 200) throw new Error(answer);
  const worked = [
    'shoal_alerts_fired_total',
    'shoal_alerts_resolved_total',
    'shoal_window_publications_total',
    'shoal_delivery_attempts_total',
    'shoal_connections_closed_total',
  ];
  await until(async () => {
    const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
    return worked.every((name) => new RegExp(`^${name}(\\{.*\\})? [1-9]`, 'm').test(text));
  });
});
afterAll(async () => {
  await device.stop();
  await server.stopAndRemove();
});

test.each([METRICS, FLEET])(
  '$uid can be imported: panels of their own id that do not overlap, and inputs that exist',
  (board) => {
    const { panels, __inputs: inputs } = board;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
    const uids = panels.flatMap(({ datasource }) => datasource?.uid ?? []);
    expect(new Set(uids)).toEqual(new Set(inputs.map(({ name }) => `\${${name}}`)));
  },
);

describe('the dashboard of metrics', () => {
  /** Name → the labels that its samples carry. */
  const exposed = async (): Promise<Map<string, Set<string>>> => {
    const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
    const found = new Map<string, Set<string>>();
    for (const [, name = '', labels = ''] of text.matchAll(/^([a-z_0-9]+)(?:\{(.*)\})? /gm)) {
      const known = found.get(name) ?? new Set();
      for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
      found.set(name, known);
    }
    return found;
  };

  test('asks for metrics that /metrics has, by labels that they carry', async () => {
    const metrics = await exposed();
    const expressions = targetsOf(METRICS).flatMap(({ expr }) => expr ?? []);
    const missing: string[] = [];
    for (const expr of expressions) {
      const names = expr.match(/\bshoal_[a-z_0-9]+/g) ?? [];
      missing.push(...names.filter((name) => !metrics.has(name)));
      const by = (/by \(([^)]*)\)/.exec(expr)?.[1] ?? '')
        .split(',')
        .map((label) => label.trim())
        .filter(Boolean);
      const carried = names.flatMap((name) => [...(metrics.get(name) ?? [])]);
      missing.push(...by.filter((label) => !carried.includes(label)).map((label) => `${label} of ${names.join(' ')}`));
    }
    expect(missing).toEqual([]);
    expect(expressions.length).toBeGreaterThan(30);
  });

  test('names in its legends only labels that are left', () => {
    for (const { expr = '', legendFormat = '' } of targetsOf(METRICS)) {
      const by = /by \(([^)]*)\)/.exec(expr)?.[1] ?? '';
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(by.split(', ')).toContain(label);
    }
  });
});

describe('the dashboard of the API', () => {
  const VARIABLES: Readonly<Record<string, string>> = {
    device: 'pump-1',
    channel: 'Pressure',
    __from: '0',
    __to: '9999999999999',
  };
  const filled = (text: string): string =>
    text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) =>
      name === 'server' ? server.httpUrl : (VARIABLES[name] ?? `?${name}`),
    );
  const at = (value: unknown, path: string): unknown =>
    path === ''
      ? value
      : path.split('.').reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], value);

  test.each(targetsOf(FLEET))('$url is a route, and has what its panel shows', async (target) => {
    const { url = '', root_selector: root = '', columns = [], url_options: options } = target;
    const path = url
      .replace('${server}', '')
      .replaceAll(/\$\{(\w+)\}/g, '{$1}')
      .replace('{device}', '{deviceId}');
    const operation = OPERATIONS.find((row) => row.path === path && row.method === 'get');
    expect(operation?.path).toBe(path);
    const query = new URLSearchParams(
      options?.params.map(({ key, value }) => [key, filled(value)] as [string, string]),
    );
    const response = await fetch(`${filled(url)}?${query.toString()}`);
    expect(response.status).toBe(200);
    const rows = [at(await response.json(), root)].flat();
    const selectors = columns.map(({ selector }) => filled(selector));
    // The dead letter needs attention for a minute.
    expect(rows.length).toBeGreaterThanOrEqual(path === '/api/overview/attention' ? 0 : 1);
    for (const row of rows) expect(selectors.filter((selector) => at(row, selector) === undefined)).toEqual([]);
  });

  test('its variables are those that it uses', () => {
    const used = JSON.stringify(FLEET.panels).matchAll(/\$\{([a-z]+)\}/g);
    expect(new Set([...used].map(([, name]) => name))).toEqual(new Set(FLEET.templating.list.map(({ name }) => name)));
  });
});
