/** Commands end to end: sent, acknowledged, finished, expired, repeated, kept over a restart. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { topics, type Command, type CommandState, type DeviceCommand, type Page, type Problem } from '@shoal/protocol';
import { call, type Answer } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

describe('device commands', () => {
  let server: TestServer;
  const devices: TestDevice[] = [];
  beforeEach(async () => {
    server = await startTestServer();
  });
  afterEach(async () => {
    for (const device of devices.splice(0)) device.client.end(true);
    await server.stopAndRemove();
  });

  const online = async (id: string, connectionId?: string): Promise<TestDevice> => {
    const device = await TestDevice.online(server.mqttPort, id, connectionId);
    devices.push(device);
    return device;
  };
  const create = <T = DeviceCommand>(id: string, body: unknown, headers?: Record<string, string>): Promise<Answer<T>> =>
    call<T>('POST', `${server.httpUrl}/api/devices/${id}/commands`, body, headers);
  const show = async ({ deviceId, commandId }: DeviceCommand): Promise<DeviceCommand> =>
    (await server.get(`/api/devices/${deviceId}/commands/${commandId}`)) as DeviceCommand;
  const reaches = (command: DeviceCommand, state: CommandState): Promise<void> =>
    until(async () => (await show(command)).state === state);
  const report = (device: TestDevice, commandId: string, state: string, more: object = {}): Promise<void> =>
    device.say(topics.commandOutcome(device.deviceId, commandId), { v: 1, commandId, state, at: 1, ...more });

  it('goes out at once, is acknowledged, and ends with its result', async () => {
    const device = await online('pump-1');
    const { status, body, headers } = await create('pump-1', { name: 'ping', parameters: { n: 1 }, timeoutMs: 60_000 });
    expect(status).toBe(201);
    expect(body).toMatchObject({ state: 'sent', createdBy: 'operator:local', sentAt: expect.any(Number) });
    expect(headers.get('location')).toBe(`/api/devices/pump-1/commands/${body.commandId}`);
    const command = await device.hears<Command>(topics.command('pump-1', 'ping', body.commandId));
    expect(command).toEqual({
      v: 1,
      commandId: body.commandId,
      name: 'ping',
      expiresAt: body.expiresAt,
      parameters: { n: 1 },
    });
    await report(device, body.commandId, 'acknowledged');
    expect(await show(body)).toMatchObject({ state: 'acknowledged', finishedAt: null });
    await report(device, body.commandId, 'succeeded', { result: { uptimeMs: 81 } });
    await report(device, body.commandId, 'failed', { error: { code: 'X', message: 'late and wrong' } });
    expect(await show(body)).toMatchObject({ state: 'succeeded', result: { uptimeMs: 81 }, error: null });
  });

  it('waits for an absent device and goes out when it subscribes', async () => {
    (await online('pump-1')).client.end(true);
    await until(async () => ((await server.get('/api/devices/pump-1')) as { state: string }).state === 'offline');
    const { body } = await create('pump-1', { name: 'diagnostics', timeoutMs: 60_000 });
    expect(body.state).toBe('queued');
    const back = await online('pump-1', 'c-2');
    await back.hears(topics.command('pump-1', 'diagnostics', body.commandId));
    await reaches(body, 'sent');
  });

  it('expires when nothing is heard in time, and believes the outcome that comes late', async () => {
    const device = await online('pump-1');
    const { body } = await create('pump-1', { name: 'ping', timeoutMs: 100 });
    await reaches(body, 'expired');
    expect(await show(body)).toMatchObject({ error: { code: 'COMMAND_EXPIRED' }, finishedAt: expect.any(Number) });
    await report(device, body.commandId, 'succeeded', { result: { late: true } });
    expect(await show(body)).toMatchObject({ state: 'succeeded', result: { late: true }, error: null });
  });

  it('creates once per Idempotency-Key', async () => {
    await online('pump-1');
    const headers = { 'idempotency-key': 'abc' };
    const [first, second] = await Promise.all([
      create('pump-1', { name: 'ping', timeoutMs: 60_000 }, headers),
      create('pump-1', { name: 'ping', timeoutMs: 60_000 }, headers),
    ]);
    expect(second.body.commandId).toBe(first.body.commandId);
    const other = await create<Problem>('pump-1', { name: 'diagnostics', timeoutMs: 60_000 }, headers);
    expect(other.status).toBe(409);
    expect(other.body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    const list = (await server.get('/api/devices/pump-1/commands')) as Page<DeviceCommand>;
    expect(list.items).toHaveLength(1);
  });

  it('survives a restart: what waits goes out, what expired meanwhile says so', async () => {
    (await online('pump-1')).client.end(true);
    await until(async () => ((await server.get('/api/devices/pump-1')) as { state: string }).state === 'offline');
    const waiting = (await create('pump-1', { name: 'ping', timeoutMs: 60_000 })).body;
    const short = (await create('pump-1', { name: 'ping', timeoutMs: 100 })).body;
    const { dataDir } = server;
    await server.stop();
    await until(() => Date.now() > short.expiresAt);
    server = await startTestServer({}, dataDir);
    await reaches(short, 'expired');
    const back = await online('pump-1', 'c-2');
    await back.hears(topics.command('pump-1', 'ping', waiting.commandId));
    expect(back.heard.some(({ topic }) => topic.includes(short.commandId))).toBe(false);
  });

  it('lists newest first, page by page, and bounds what is open', async () => {
    (await online('pump-1')).client.end(true);
    await until(async () => ((await server.get('/api/devices/pump-1')) as { state: string }).state === 'offline');
    const created: string[] = [];
    for (let index = 0; index < 32; index += 1) {
      created.push((await create('pump-1', { name: 'ping', timeoutMs: 60_000 })).body.commandId);
    }
    const refused = await create<Problem>('pump-1', { name: 'ping' });
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'COMMANDS_TOO_MANY', retryable: true });
    const first = (await server.get('/api/devices/pump-1/commands?limit=20')) as Page<DeviceCommand>;
    const rest = (await server.get(
      `/api/devices/pump-1/commands?limit=20&cursor=${first.nextCursor}`,
    )) as Page<DeviceCommand>;
    const listed = [...first.items, ...rest.items];
    expect(rest.nextCursor).toBeNull();
    expect(new Set(listed.map(({ commandId }) => commandId))).toEqual(new Set(created));
    const times = listed.map(({ createdAt }) => createdAt);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  it('sets aside outcomes of commands that the device never got', async () => {
    const [own, other] = [await online('pump-1'), await online('pump-2')];
    const { body } = await create('pump-1', { name: 'ping', timeoutMs: 60_000 });
    await report(other, body.commandId, 'succeeded');
    await report(own, 'k-unknown', 'succeeded');
    await own.say(topics.commandOutcome('pump-1', body.commandId), { v: 1, commandId: 'k-x', state: 'failed', at: 1 });
    expect((await show(body)).state).toBe('sent');
    const letters = (await server.get('/api/dead-letters')) as Page<{ reason: string }>;
    expect(letters.items.map(({ reason }) => reason).toSorted()).toEqual([
      'COMMAND_NOT_FOUND',
      'COMMAND_NOT_FOUND',
      'SCHEMA_INVALID',
    ]);
    expect((await create<Problem>('nobody', { name: 'ping' })).body.code).toBe('DEVICE_NOT_FOUND');
    expect((await create<Problem>('pump-1', { name: 'reboot' })).status).toBe(400);
  });
});
