import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import {
  blobRequestSchema,
  decodeFrame,
  encodeBlobReply,
  topics,
  type BlobRequest,
  type DownTopic,
} from '@shoal/protocol';
import { HttpBlobs } from '../../src/ota/http-blobs.ts';
import { FIRST_PIECE_BYTES, nextPieceBytes } from '../../src/ota/blob-pieces.ts';
import { MqttBlobs } from '../../src/ota/mqtt-blobs.ts';
import { silentLogger, systemClock } from '../../src/runtime.ts';
import { MqttLink } from '../../src/uplink/mqtt-link.ts';
import { FleetFixture } from '../fixtures/fleet-fixture.ts';
import { blobSourceContract, IMPATIENT, type BlobServer } from './blob-source.contract.ts';

const DEVICE = 'pump-07';

const overHttp = async (): Promise<BlobServer> => {
  const content = new Map<string, Uint8Array>();
  const server = createServer((request, response) => give(request.url ?? '', request.headers.range, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  const source = new HttpBlobs(url, IMPATIENT);
  const blobs: BlobServer = { source, content, cutAfter: Infinity, isMute: false, given: 0, stop };
  const give = (path: string, range: string | undefined, response: ServerResponse): void => {
    if (blobs.isMute) return;
    const bytes = content.get(path);
    if (bytes === undefined) return void response.writeHead(404).end();
    const [, from = '0', to = ''] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    const asked = bytes.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
    const part = asked.subarray(0, Math.min(asked.byteLength, blobs.cutAfter));
    blobs.given += part.byteLength;
    response.writeHead(range === undefined ? 200 : 206).end(part);
  };
  return blobs;
};

/** Over a real broker. */
const overMqtt = async (): Promise<BlobServer> => {
  const fleet = new FleetFixture();
  await fleet.start();
  const content = new Map<string, Uint8Array>();
  const pause = (ms: number, signal: AbortSignal): Promise<void> => delay(ms, undefined, { signal });
  const options = { deviceId: DEVICE, clock: systemClock, pause, mostBytesPerS: 1e8, patience: IMPATIENT };
  const source = new MqttBlobs(options);
  const link = new MqttLink({
    deviceId: DEVICE,
    host: '127.0.0.1',
    port: fleet.port,
    keepaliveSeconds: 30,
    connectTimeoutMs: 5_000,
    will: (connectionId) => ({ v: 1, state: 'offline', connectionId, reason: 'lost' }),
    clock: systemClock,
    logger: silentLogger(),
  });
  const onMessage = (topic: DownTopic, payload: Uint8Array): void => source.message(topic, payload);
  const session = await link.open({ connectionId: 'c-1', onMessage }, new AbortController().signal);
  const nothing = (): never => {
    throw new Error('not asked for');
  };
  source.online({
    birth: { v: 1, epoch: 'e', highestSequence: 0, serverTime: 0 },
    publish: (topic, payload) => session.publish(topic, payload),
    request: nothing,
    renew: nothing,
    abort: nothing,
  });
  const stop = async (): Promise<void> => {
    source.offline();
    fleet.dropConnections();
    await session.closed;
    await fleet.stop();
  };
  const blobs: BlobServer = { source, content, cutAfter: Infinity, isMute: false, given: 0, stop };
  let sinceCut = 0;
  const give = ({ requestId, body }: BlobRequest): void => {
    const { path, offset, length } = body;
    const bytes = content.get(path);
    const to = topics.reply(DEVICE, requestId);
    if (bytes === undefined || sinceCut + length > blobs.cutAfter) {
      sinceCut = 0;
      const code = bytes === undefined ? 'ARTIFACT_NOT_FOUND' : 'ARTIFACT_STORE_UNAVAILABLE';
      return fleet.send(to, { v: 1, requestId, outcome: 'failed', error: { code, message: code, retryable: true } });
    }
    const piece = bytes.subarray(offset, offset + length);
    sinceCut += piece.byteLength;
    blobs.given += piece.byteLength;
    const head = { v: 1, requestId, outcome: 'ok', offset, totalBytes: bytes.byteLength } as const;
    fleet.sendBytes(to, Buffer.from(encodeBlobReply(head, piece)));
  };
  fleet.onBlob = (payload) => {
    if (!blobs.isMute) give(blobRequestSchema.parse(decodeFrame(payload)));
  };
  return blobs;
};

describe('over HTTP', () => {
  blobSourceContract(overHttp);
});
describe('over MQTT', () => {
  blobSourceContract(overMqtt);
});

it('a piece grows on a quick line to its bound and shrinks on a slow one to a few kilobytes', () => {
  const after = (ms: number): number =>
    Array.from({ length: 9 }).reduce<number>((at) => nextPieceBytes(at, ms), FIRST_PIECE_BYTES);
  expect([after(10), after(1_000), after(20_000)]).toEqual([65_536, FIRST_PIECE_BYTES, 4_096]);
});
