/** The guard refuses a frame by its header, however the bytes are cut. */
import { describe, expect, it } from '@jest/globals';
import { BOUNDS } from '@shoal/protocol';
import fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { FrameScanner } from '../../../../src/adapters/embedded/aedes-gateway/frame-guard.ts';

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
