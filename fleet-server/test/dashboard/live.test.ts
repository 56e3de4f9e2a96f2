/** The live feed over real sockets: selection, resumption, gaps, slow clients. */
import { request, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { topics, type Device, type FleetSummary, type Problem } from '@shoal/protocol';
import { connectAsync } from 'mqtt';
import { call } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

interface SentEvent {
  readonly event: string;
  readonly id: string;
  readonly data: Record<string, unknown>;
}

const field = (block: string, name: string): string =>
  block
    .split('\n')
    .find((line) => line.startsWith(`${name}: `))
    ?.slice(name.length + 2) ?? '';

/** A client of the feed that reads everything and keeps it. */
class LiveClient {
  readonly response: IncomingMessage;
  private text = '';
  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8').on('data', (chunk: string) => {
      this.text += chunk;
    });
    response.on('error', () => {});
  }

  static open(url: string, headers: Record<string, string> = {}): Promise<LiveClient> {
    return new Promise((resolve, reject) => {
      request(url, { headers }, (response) => resolve(new LiveClient(response)))
        .on('error', reject)
        .end();
    });
  }

  get events(): readonly SentEvent[] {
    const blocks = this.text.split('\n\n').slice(0, -1);
    return blocks
      .filter((block) => block.startsWith('event: '))
      .map((block) => ({
        event: field(block, 'event'),
        id: field(block, 'id'),
        data: JSON.parse(field(block, 'data')) as Record<string, unknown>,
      }));
  }

  of(event: string): readonly SentEvent[] {
    return this.events.filter((sent) => sent.event === event);
  }

  close(): void {
    this.response.destroy();
  }
}

describe('the live feed', () => {
  let server: TestServer;
  let closing: (() => void)[];
  beforeEach(async () => {
    server = await startTestServer();
    closing = [];
  });
  afterEach(async () => {
    for (const close of closing) close();
    await server.stopAndRemove();
  });

  const watch = async (query: string, headers?: Record<string, string>): Promise<LiveClient> => {
    const client = await LiveClient.open(`${server.httpUrl}/api/live${query}`, headers);
    closing.push(() => client.close());
    return client;
  };
  const online = async (id: string): Promise<TestDevice> => {
    const device = await TestDevice.online(server.mqttPort, id);
    closing.push(() => device.client.end(true));
    return device;
  };
  const event = (sequence: number) => ({
    sequence,
    observedAt: Date.now(),
    kind: 'agent.started',
    severity: 'info' as const,
    message: `event ${sequence}`,
  });

  it('shows devices, events and the summary by default', async () => {
    const client = await watch('');
    expect(client.response.headers['content-type']).toContain('text/event-stream');
    const device = await online('pump-1');
    await device.records('events', [event(1)]);
    await until(() => client.of('devices').length > 0 && client.of('events').length > 0);
    expect(client.of('devices')[0]?.data).toMatchObject({ state: 'online' } satisfies Partial<Device>);
    expect(client.of('events')[0]?.data).toMatchObject({ deviceId: 'pump-1', message: 'event 1', clock: 'good' });
    const total = (): number | undefined =>
      (client.of('summary').at(-1)?.data as FleetSummary | undefined)?.devices.total;
    // One of before the device was there may come first.
    await until(() => total() === 1);
  });

  it('selects by topic and device, and keeps only the newest reading of a moment', async () => {
    const client = await watch('?topics=readings,commands&deviceId=pump-1');
    const [one, two] = [await online('pump-1'), await online('pump-2')];
    const reading = (sequence: number) => ({
      sequence,
      observedAt: Date.now(),
      source: 'pump',
      values: { a: sequence },
    });
    await two.records('readings', [reading(1)]);
    await one.records(
      'readings',
      Array.from({ length: 200 }, (_, index) => reading(index + 1)),
    );
    await call('POST', `${server.httpUrl}/api/devices/pump-1/commands`, { name: 'ping' });
    await until(() => client.of('readings').length > 0 && client.of('commands').length > 0);
    expect(client.of('readings').map(({ data }) => data)).toMatchObject([{ deviceId: 'pump-1', sequence: 200 }]);
    expect(new Set(client.events.map((sent) => sent.event))).toEqual(new Set(['readings', 'commands']));
  });

  it('resumes after Last-Event-ID without a hole or a repetition', async () => {
    const device = await online('pump-1');
    const first = await watch('?topics=events');
    await device.records('events', [event(1), event(2)]);
    await until(() => first.events.length === 2);
    first.close();
    await device.records('events', [event(3), event(4)]);
    const second = await watch('?topics=events', { 'last-event-id': first.events[0]?.id ?? '' });
    await device.records('events', [event(5)]);
    await until(() => second.events.length === 4);
    expect(second.events.map(({ data }) => data['sequence'])).toEqual([2, 3, 4, 5]);
  });

  it('says so when it cannot resume: unknown ids, and ids of another run', async () => {
    for (const id of ['nonsense', 'zzzz-1', `${Date.now().toString(36)}-999999`]) {
      const client = await watch('?topics=events', { 'last-event-id': id });
      await until(() => client.events.length === 1);
      expect(client.events[0]?.event).toBe('gap');
    }
    expect(await server.metric('shoal_live_gaps_total')).toBe(3);
  });

  it('refuses topics that do not exist', async () => {
    const answer = await call<Problem>('GET', `${server.httpUrl}/api/live?topics=readings,weather`);
    expect([answer.status, answer.body.code]).toEqual([400, 'REQUEST_INVALID']);
  });

  it('forgets a client that left', async () => {
    const client = await watch('');
    expect(await server.metric('shoal_live_clients')).toBe(1);
    client.close();
    await until(async () => (await server.metric('shoal_live_clients')) === 0);
  });

  it('publishes the fleet summary over MQTT', async () => {
    const third = await connectAsync({
      host: '127.0.0.1',
      port: server.mqttPort,
      clientId: 'sub-test',
      reconnectPeriod: 0,
    });
    closing.push(() => third.end(true));
    const heard: FleetSummary[] = [];
    third.on('message', (_, payload) => heard.push(JSON.parse(payload.toString()) as FleetSummary));
    await third.subscribeAsync(topics.fleetSummary(), { qos: 1 });
    await online('pump-1');
    await until(() => heard.some((summary) => summary.devices.total === 1));
    expect(heard.at(-1)?.devices.byState).toEqual({ online: 1 });
  });
});
