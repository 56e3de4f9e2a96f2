/** The registry over HTTP: registering, labels, filters, pages, exports, removal. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEntry, Device, Page, Problem } from '@shoal/protocol';
import { call, type Answer, type Method } from '../call.ts';
import { startTestServer, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

describe('the device registry', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(async () => {
    await server.stopAndRemove();
  });

  const api = <T>(method: Method, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer<T>> =>
    call<T>(method, `${server.httpUrl}/api/devices${path}`, body, headers);

  it('registers a device that has never been seen, once', async () => {
    const created = await api<Device>('POST', '', { deviceId: 'new-1', labels: { site: 'north' } });
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe('/api/devices/new-1');
    expect(created.headers.get('etag')).toBe('"0"');
    expect(created.body).toMatchObject({ state: 'never-seen', labels: { site: 'north' }, firstSeenAt: null });
    const again = await api<Problem>('POST', '', { deviceId: 'new-1' });
    expect(again.status).toBe(409);
    expect(again.body.code).toBe('DEVICE_EXISTS');
  });

  it('answers a repeated registration with the same Idempotency-Key as it answered the first', async () => {
    const create = (key: string, labels: object): Promise<Answer<Device & Problem>> =>
      api('POST', '', { deviceId: 'repeated', labels }, { 'idempotency-key': key });
    const answers = await Promise.all([create('one', { a: '1' }), create('one', { a: '1' })]);
    expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    expect(answers[1]?.body).toEqual(answers[0]?.body);
    expect((await create('one', { a: '2' })).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect((await create('two', { a: '1' })).body.code).toBe('DEVICE_EXISTS');
    const audit = (await server.get('/api/audit?subject=device:repeated')) as Page<AuditEntry>;
    expect(audit.items).toHaveLength(1);
  });

  it('keeps registration and labels when a registered device comes online', async () => {
    await api('POST', '', { deviceId: 'expected', labels: { line: '4' } });
    const device = await TestDevice.online(server.mqttPort, 'expected');
    const shown = await api<Device>('GET', '/expected');
    expect(shown.body).toMatchObject({ state: 'online', labels: { line: '4' }, firstSeenAt: expect.any(Number) });
    await device.stop();
  });

  it('changes labels by merge patch, guarded by the revision, and audits before and after', async () => {
    await api('POST', '', { deviceId: 'labelled', labels: { site: 'north', line: '1' } });
    const first = await api<Device>(
      'PATCH',
      '/labelled',
      { labels: { line: null, shift: 'late' } },
      { 'if-match': '"0"' },
    );
    expect(first.body.labels).toEqual({ site: 'north', shift: 'late' });
    expect(first.headers.get('etag')).toBe('"1"');
    const stale = await api<Problem>('PATCH', '/labelled', { labels: { x: 'y' } }, { 'if-match': '"0"' });
    expect(stale.status).toBe(409);
    expect(stale.body.code).toBe('REVISION_STALE');
    const audit = await server.get('/api/audit?subject=device:labelled&action=device.labels.changed');
    expect((audit as Page<AuditEntry>).items).toMatchObject([
      {
        principal: 'operator:local',
        from: '127.0.0.1',
        before: { site: 'north', line: '1' },
        after: { site: 'north', shift: 'late' },
      },
    ]);
  });

  it('loses none of many label changes that come at once without a guard', async () => {
    await api('POST', '', { deviceId: 'busy' });
    const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);
    const answers = await Promise.all(keys.map((key) => api<Device>('PATCH', '/busy', { labels: { [key]: 'x' } })));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const { labels, revision } = (await api<Device>('GET', '/busy')).body;
    expect([Object.keys(labels).length, revision]).toEqual([12, 12]);
  });

  it('refuses unknown fields, bad ids and too many labels with their paths', async () => {
    const unknown = await api<Problem>('POST', '', { deviceId: 'x', colour: 'red' });
    expect(unknown.status).toBe(400);
    expect(unknown.body.errors?.[0]?.message).toContain('colour');
    expect((await api<Problem>('GET', '/UPPER')).status).toBe(400);
    expect((await api<Problem>('GET', '?limt=5')).status).toBe(400);
    expect((await api<Problem>('GET', '?labels==x')).body.code).toBe('REQUEST_INVALID');
    const labels = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`l${index}`, 'v']));
    expect((await api<Problem>('POST', '', { deviceId: 'crowded', labels })).body.code).toBe('LABELS_TOO_MANY');
    expect((await api<Problem>('GET', '/nobody')).body.code).toBe('DEVICE_NOT_FOUND');
  });

  it('pages, filters, and exports everything that matches', async () => {
    for (let index = 0; index < 7; index += 1) {
      await api('POST', '', { deviceId: `page-${index}`, labels: { half: index < 4 ? 'first' : 'second' } });
    }
    const seen: string[] = [];
    let path = '?limit=3&search=page-';
    for (;;) {
      const { body } = await api<Page<Device>>('GET', path);
      seen.push(...body.items.map((device) => device.deviceId));
      if (body.nextCursor === null) break;
      expect(body.items).toHaveLength(3);
      path = `?limit=3&search=page-&cursor=${body.nextCursor}`;
    }
    expect(seen).toEqual(Array.from({ length: 7 }, (_, index) => `page-${index}`));
    const half = await api<Page<Device>>('GET', '?labels=half=second&state=never-seen');
    expect(half.body.items.map((device) => device.deviceId)).toEqual(['page-4', 'page-5', 'page-6']);
    const lines = await api('GET', '?format=ndjson&labels=half&limit=1');
    expect(lines.headers.get('content-disposition')).toBe('attachment; filename="devices.ndjson"');
    expect(
      lines.text
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as Device).deviceId),
    ).toEqual(seen);
    expect((await api<Problem>('GET', '?cursor=nonsense')).body.code).toBe('CURSOR_INVALID');
    expect((await api<Problem>('GET', '?format=csv&cursor=nonsense')).status).toBe(400);
  });

  it('writes CSV that a spreadsheet does not run', async () => {
    await api('POST', '', { deviceId: 'csv-1', labels: { note: '=1+1, "quoted"' } });
    const csv = await api('GET', '?format=csv&search=csv-1');
    const [header, row] = csv.text.split('\r\n');
    expect(header).toBe(
      'deviceId,state,why,since,labels,hardwareClass,agentVersion,models,firstSeenAt,lastSeenAt,clockOffsetMs,outboxDepth,twinVersion,appliedTwinVersion,revision',
    );
    expect(row).toContain('"{""note"":""=1+1, \\""quoted\\""""}"');
    expect(csv.headers.get('content-type')).toContain('text/csv');
  });

  it('removes a device with everything it sent, and lets it come back as a new one', async () => {
    const device = await TestDevice.online(server.mqttPort, 'gone');
    await device.records('readings', [{ sequence: 1, observedAt: Date.now(), source: 'pump', values: { a: 1 } }]);
    await api('PATCH', '/gone/twin', { desired: { logLevel: 'debug' } });
    await api('POST', '/gone/commands', { name: 'ping' });
    const closed = new Promise<void>((resolve) => device.client.once('close', () => resolve()));
    expect((await api('DELETE', '/gone')).status).toBe(204);
    await closed;
    expect((await api('GET', '/gone')).status).toBe(404);
    expect((await api('DELETE', '/gone')).status).toBe(404);
    const back = await TestDevice.online(server.mqttPort, 'gone', 'c-back');
    expect((await back.reply('c-back')).body.highestSequence).toBe(0);
    expect((await api<Device>('GET', '/gone')).body).toMatchObject({ state: 'online', twinVersion: 0 });
    expect((await api<Page<unknown>>('GET', '/gone/commands')).body.items).toEqual([]);
    await back.stop();
  });
});
