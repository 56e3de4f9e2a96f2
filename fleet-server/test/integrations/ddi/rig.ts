/** A server with system updates switched on, its operator and its clients. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SystemAction, SystemActionDetail, SystemImage, SystemTarget } from '@shoal/protocol';
import { startTestServer, type TestServer } from '../../running-server.ts';

export const GATEWAY_TOKEN = 'the-token-of-the-gateway';
export const GATEWAY = { authorization: `GatewayToken ${GATEWAY_TOKEN}` };

export interface Answer<T = unknown> {
  readonly status: number;
  readonly body: T;
}

/** `environment` without the prefix of the section: `MAX_TARGETS`. */
export const startWithDdi = (
  environment: Readonly<Record<string, string>> = {},
  dataDir = mkdtempSync(join(tmpdir(), 'shoal-ddi-')),
): Promise<TestServer> => {
  const gatewayTokenFile = join(dataDir, 'gateway-token');
  writeFileSync(gatewayTokenFile, `${GATEWAY_TOKEN}\n`);
  const named = Object.entries(environment).map(([name, value]) => [`SHOAL_DDI_${name}`, value]);
  return startTestServer(
    { SHOAL_DDI_ENDPOINT: 'on', SHOAL_DDI_GATEWAY_TOKEN_FILE: gatewayTokenFile, ...Object.fromEntries(named) },
    dataDir,
  );
};

export class Operator {
  private readonly server: TestServer;
  constructor(server: TestServer) {
    this.server = server;
  }

  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(`${this.server.httpUrl}/api/system${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T };
  }

  async upload(name: string, version: string, content: Buffer): Promise<Answer<SystemImage>> {
    const response = await fetch(`${this.server.httpUrl}/api/system/images?name=${name}&version=${version}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(content),
    });
    return { status: response.status, body: (await response.json()) as SystemImage };
  }

  async assign(targetId: string, image: string): Promise<SystemAction> {
    return (await this.call<SystemAction>('POST', '/actions', { targetId, image })).body;
  }

  async action(actionId: number): Promise<SystemActionDetail> {
    return (await this.call<SystemActionDetail>('GET', `/actions/${actionId}`)).body;
  }

  async target(targetId: string): Promise<SystemTarget> {
    return (await this.call<SystemTarget>('GET', `/targets/${targetId}`)).body;
  }
}

/** A client that says what it is told to say. */
export class Client {
  private readonly root: string;
  private readonly headers: Readonly<Record<string, string>>;
  constructor(server: TestServer, targetId: string, headers: Readonly<Record<string, string>> = GATEWAY) {
    this.root = `${server.httpUrl}/DEFAULT/controller/v1/${targetId}`;
    this.headers = headers;
  }

  fetch(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(path.startsWith('http') ? path : this.root + path, { headers: { ...this.headers, ...headers } });
  }

  async get<T>(path: string): Promise<Answer<T>> {
    const response = await this.fetch(path);
    return { status: response.status, body: (await response.json()) as T };
  }

  async send(method: string, path: string, body: unknown): Promise<number> {
    const response = await fetch(this.root + path, {
      method,
      headers: { ...this.headers, 'content-type': 'application/json;charset=UTF-8' },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
    return response.status;
  }

  /** As SWUpdate shapes it. */
  report(path: string, execution: string, finished = 'none', details: readonly string[] = []): Promise<number> {
    const result = { progress: { cnt: 1, of: 2 }, finished };
    const body = { id: '0', time: '20261127T120000', status: { result, execution, details } };
    return this.send('POST', `${path}/feedback`, body);
  }
}
