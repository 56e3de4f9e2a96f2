/** Content in pieces over MQTT: the same bytes as over HTTP and no others, a few pieces of a device at a time. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BOUNDS, decodeBlobReply, topics, type ModelRelease, type Page, type Reply } from '@shoal/protocol';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

describe('pieces of content over MQTT', () => {
  let server: TestServer;
  let device: TestDevice;
  let release: ModelRelease;
  let asked = 0;

  beforeAll(async () => {
    server = await startTestServer({ SHOAL_MODELS_CATALOGUE: 'release' });
    device = await TestDevice.online(server.mqttPort, 'one-port');
    const { items } = (await server.get('/api/models/pump-anomaly/versions')) as Page<ModelRelease>;
    release = items[0] as ModelRelease;
  });
  afterAll(async () => {
    device.client.end(true);
    await server.stopAndRemove();
  });

  const send = async (body: object, deadlineMs = 30_000): Promise<string> => {
    asked += 1;
    const requestId = `b-${asked}`;
    await device.say(topics.request(device.deviceId, 'blob'), { v: 1, requestId, deadlineMs, body });
    return requestId;
  };
  const answerTo = async (requestId: string) => {
    const topic = topics.reply(device.deviceId, requestId);
    await until(() => device.heard.some((heard) => heard.topic === topic));
    return device.heard.find((heard) => heard.topic === topic);
  };
  const piece = async (path: string, offset: number, length: number) => {
    const payload = (await answerTo(await send({ path, offset, length })))?.payload;
    const { totalBytes, bytes } = decodeBlobReply(payload ?? new Uint8Array());
    return { totalBytes, bytes: Buffer.from(bytes) };
  };
  const refusal = async (body: object) => {
    const reply = (await answerTo(await send(body)))?.body as Reply | undefined;
    return [reply?.outcome, reply?.error?.code];
  };
  const overHttp = async (path: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(`${server.httpUrl}${path}`)).arrayBuffer());

  it('gives metadata and bundles byte by byte as HTTP does, and nothing from beyond their end', async () => {
    for (const path of ['/tuf/1.root.json', '/tuf/timestamp.json', `/blobs/sha256/${release.sha256}`]) {
      const whole = await overHttp(path);
      const first = await piece(path, 0, BOUNDS.blobPieceBytes);
      expect([path, first.totalBytes]).toEqual([path, whole.byteLength]);
      expect(first.bytes).toEqual(whole.subarray(0, BOUNDS.blobPieceBytes));
      expect((await piece(path, whole.byteLength - 3, 100)).bytes).toEqual(whole.subarray(-3));
      expect(await piece(path, whole.byteLength + 9, 10)).toEqual({ totalBytes: whole.byteLength, bytes: Buffer.of() });
    }
  });

  it('says what is not there, and refuses what nobody may ask for', async () => {
    const none = 'f'.repeat(64);
    const at = { offset: 0, length: 10 };
    expect(await refusal({ path: '/tuf/77.root.json', ...at })).toEqual(['failed', 'TUF_FILE_NOT_FOUND']);
    expect(await refusal({ path: `/blobs/sha256/${none}`, ...at })).toEqual(['failed', 'ARTIFACT_NOT_FOUND']);
    expect(await refusal({ path: `/blobs/sha256/${release.sha256}/delta/${none}`, ...at })).toEqual([
      'failed',
      'ARTIFACT_NOT_FOUND',
    ]);
    for (const path of [
      '/api/devices',
      '/tuf/../keys/root.pem',
      '/tuf/',
      `/blobs/sha256/${none}/../x`,
      'tuf/1.root.json',
    ])
      expect([path, ...(await refusal({ path, ...at }))]).toEqual([path, 'refused', 'SCHEMA_INVALID']);
    const path = '/tuf/1.root.json';
    for (const wrong of [
      { offset: -1, length: 1 },
      { offset: 0, length: 0 },
      { offset: 0, length: 65_537 },
    ])
      expect((await refusal({ path, ...wrong }))[0]).toBe('refused');
  });

  it('answers every one of many at once, with its bytes or with the name of the bound', async () => {
    const path = `/blobs/sha256/${release.sha256}`;
    const ids = await Promise.all(
      Array.from({ length: 60 }, (_, index) => send({ path, offset: index, length: BOUNDS.blobPieceBytes })),
    );
    const answers = await Promise.all(ids.map(answerTo));
    const codes = answers.map((heard) => (heard?.body as Reply | undefined)?.error?.code ?? 'ok');
    expect(codes).toContain('ok');
    expect(codes.filter((code) => code !== 'ok' && code !== 'BLOB_PIECES_TOO_MANY')).toEqual([]);
    expect((await piece(path, 0, 4)).bytes.byteLength).toBe(4);
  });
});
