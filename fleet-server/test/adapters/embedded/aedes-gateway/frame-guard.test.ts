/** The guard refuses a frame by its header, however the bytes are cut. */
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { BOUNDS } from '@shoal/protocol';
import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { FrameScanner, guardSocket } from '../../../../src/adapters/embedded/aedes-gateway/frame-guard.ts';

const publish = (payloadBytes: number): Buffer =>
  generate({
    cmd: 'publish',
    topic: 'shoal/v1/devices/pump-1/up/readings',
    payload: Buffer.alloc(payloadBytes, 0xff),
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
  });

const cut = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  chunks.push(bytes.subarray(at));
  return chunks;
};

const cuts = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 30 });

describe('FrameScanner', () => {
  it('accepts frames within the bound, cut anywhere', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 6 }), cuts, (payloads, sizes) => {
        const scanner = new FrameScanner();
        const stream = Buffer.concat(payloads.map(publish));
        expect(cut(stream, sizes).every((chunk) => scanner.accepts(chunk))).toBe(true);
      }),
    );
  });

  it('refuses a frame over the bound before CONNACK, cut anywhere, after frames that are well', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4_100, max: 20_000 }), cuts, (payload, sizes) => {
        const scanner = new FrameScanner();
        const stream = Buffer.concat([publish(10), publish(payload)]);
        expect(cut(stream, sizes).every((chunk) => scanner.accepts(chunk))).toBe(false);
      }),
    );
  });

  it('lets the largest payload of the contract pass after CONNACK and nothing beyond its envelope', () => {
    const scanner = new FrameScanner();
    scanner.connected();
    expect(scanner.accepts(publish(BOUNDS.frameBytes))).toBe(true);
    expect(scanner.accepts(publish(BOUNDS.frameBytes + 1_024))).toBe(false);
  });

  it('refuses a length field that does not end', () => {
    expect(new FrameScanner().accepts(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff]))).toBe(false);
  });
});

describe('a guarded socket that may be read in parts', () => {
  /** As Aedes reads: again when a packet was dealt with, or when the stream says that there is more. */
  const readAll = (payloads: readonly number[], mayRead: () => number): { reads: Buffer[]; frames: number } => {
    const socket = new PassThrough({ highWaterMark: 1 << 20 });
    const scanner = new FrameScanner();
    guardSocket(socket as unknown as Socket, { scanner, mayRead, onRefusal: () => expect('a refusal').toBe('none') });
    for (const bytes of payloads) socket.write(publish(bytes));
    const reads: Buffer[] = [];
    for (let ended = -1; scanner.ended > ended;) {
      ended = scanner.ended;
      const chunk = socket.read() as Buffer | null;
      if (chunk !== null) reads.push(chunk);
    }
    return { reads, frames: scanner.ended };
  };

  it('gives a part that ends a frame, however long the frame is, so that whoever reads on sees all of them', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 30 }), (payloads) => {
        const { reads, frames } = readAll(payloads, () => 512);
        expect(frames).toBe(payloads.length);
        expect(Buffer.concat(reads)).toEqual(Buffer.concat(payloads.map(publish)));
      }),
    );
  });

  it('gives no more than the part and what ends its frame', () => {
    const { reads } = readAll(
      Array.from({ length: 20 }, () => 100),
      () => 512,
    );
    expect(Math.max(...reads.map(({ length }) => length))).toBeLessThanOrEqual(512);
  });

  it('gives nothing while nothing may be read', () => {
    expect(readAll([10], () => 0)).toEqual({ reads: [], frames: 0 });
  });
});
