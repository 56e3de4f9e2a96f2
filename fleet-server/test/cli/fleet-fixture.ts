/** A small real HTTP server that answers as the fleet server does, from tables a test can change. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { mergePatch, type Device, type DeviceCommand, type JsonObject, type Problem } from '@shoal/protocol';

export interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly body: JsonObject | undefined;
}

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string;
  /** Never answers. */
  readonly silent?: boolean;
}

export type Route = (seen: Seen) => Answer;

export const problem = (status: number, code: string, detail: string): Answer => ({
  status,
  body: { type: `/docs/errors#${code}`, title: 'x', status, detail, code, retryable: false } satisfies Problem,
});

export const device = (deviceId: string, fields: Partial<Device> = {}): Device => ({
  deviceId,
  state: 'online',
  why: 'Connected.',
  since: 1_760_000_000_000,
  labels: { site: 'north' },
  hardwareClass: 'linux-x64',
  agentVersion: '0.1.0',
  models: [{ name: 'pump-anomaly', version: '1.0.0' }],
  firstSeenAt: 1_760_000_000_000,
  lastSeenAt: 1_760_000_060_000,
  clockOffsetMs: 3,
  outboxDepth: 0,
  twinVersion: 2,
  appliedTwinVersion: 2,
  revision: 1,
  ...fields,
});

export const command = (fields: Partial<DeviceCommand> = {}): DeviceCommand => ({
  commandId: 'k-1',
  deviceId: 'pump-01',
  name: 'ping',
  state: 'queued',
  parameters: null,
  createdAt: 1_760_000_000_000,
  createdBy: 'operator:local',
  expiresAt: 1_760_000_030_000,
  sentAt: null,
  acknowledgedAt: null,
  finishedAt: null,
  result: null,
  error: null,
  ...fields,
});

/** Pages of `items` by an index as cursor, as `limit` asks. */
export const pages =
  (items: readonly unknown[]): Route =>
  ({ url }) => {
    const start = Number(url.searchParams.get('cursor') ?? 0);
    const end = start + Number(url.searchParams.get('limit') ?? 100);
    return { body: { items: items.slice(start, end), nextCursor: end < items.length ? String(end) : null } };
  };

/** Routes by `METHOD /path`; what has none is a 404 of the catalogue. */
export class FleetFixture {
  readonly seen: Seen[] = [];
  readonly routes = new Map<string, Route>();
  private readonly server: Server = createServer((request, response) => void this.serve(request, response));

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  /** A twin at `/api/devices/{id}/twin` that PATCH merges into, guarded by version. */
  serveTwin(id: string): void {
    let [version, desired] = [1, { publish: { everyNthReading: 1 } } as JsonObject];
    const twin = (): Answer => ({
      body: { deviceId: id, version, desired, reported: {}, reportedAt: null, appliedVersion: 0, delta: desired },
    });
    this.routes.set(`GET /api/devices/${id}/twin`, twin);
    this.routes.set(`PATCH /api/devices/${id}/twin`, ({ body }) => {
      const asked = body?.['version'];
      if (asked !== undefined && asked !== version) return problem(409, 'TWIN_VERSION_STALE', 'Read it again.');
      desired = mergePatch(desired, body?.['desired'] as JsonObject);
      version += 1;
      return twin();
    });
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const method = request.method ?? 'GET';
    const content = await text(request);
    const seen = { method, url, body: content === '' ? undefined : (JSON.parse(content) as JsonObject) };
    this.seen.push(seen);
    const route = this.routes.get(`${method} ${url.pathname}`);
    const answer = route?.(seen) ?? problem(404, 'DEVICE_NOT_FOUND', 'No such device. List them.');
    if (answer.silent === true) return;
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
    response.end(answer.raw ?? (answer.body === undefined ? '' : JSON.stringify(answer.body)));
  }
}
