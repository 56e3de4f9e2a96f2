import { describe, expect, test } from '@jest/globals';
import {
  applyDelta,
  CHUNK_BYTES,
  checkChunk,
  chunkRange,
  hashContent,
  makeDelta,
  memorySource,
} from '@shoal/models/trust';
import fc from 'fast-check';
import { codeOf, thrownCode } from '../conditions.ts';
import { gatherPlanes, scatterPlanes } from '../../src/trust/byte-planes.ts';

const deltaOf = async (base: Uint8Array, target: Uint8Array): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const part of makeDelta(memorySource(base), memorySource(target))) parts.push(part);
  return Buffer.concat(parts);
};
// Cut at odd places, as a network does.
async function* sliced(bytes: Uint8Array, step: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.byteLength; offset += step) yield bytes.subarray(offset, offset + step);
}
const applied = async (base: Uint8Array, delta: Uint8Array, step = 1_000): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  const length = await applyDelta(memorySource(base), sliced(delta, step), (index, bytes) => {
    expect(index).toBe(chunks.length);
    chunks.push(bytes);
  });
  const whole = Buffer.concat(chunks);
  expect(length).toBe(whole.byteLength);
  return whole;
};

describe('a delta', () => {
  test('gives back the target, whatever the two files are', async () => {
    const file = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.integer({ min: 0, max: 2_200_000 }), fc.nat(255)).map(([n, byte]) => new Uint8Array(n).fill(byte)),
    );
    await fc.assert(
      fc.asyncProperty(file, file, fc.integer({ min: 1, max: 5_000 }), async (base, target, step) => {
        expect((await applied(base, await deltaOf(base, target), step)).equals(target)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test('of floats that all moved a little is smaller than the file, and its planes return', async () => {
    const base = Float32Array.from({ length: 300_000 }, (_, i) => Math.sin(i) * 0.1);
    const tuned = base.map((weight, i) => weight * (1 + 0.01 * Math.cos(i * 7)));
    const [from, to] = [new Uint8Array(base.buffer), new Uint8Array(tuned.buffer)];
    const delta = await deltaOf(from, to);
    expect(delta.byteLength).toBeLessThan(to.byteLength * 0.8);
    expect((await applied(from, delta)).equals(to)).toBe(true);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(1, 2, 4), (bytes, word) => {
        expect(scatterPlanes(gatherPlanes(bytes, word), word)).toEqual(bytes);
      }),
    );
  });

  test('that is damaged, cut, longer than expected or for another base is refused or gives other bytes, and never more of them', async () => {
    const base = new Uint8Array(5_000).map((_, i) => i * 7);
    const target = base.map((byte, i) => (i % 9 === 0 ? byte + 1 : byte));
    const delta = await deltaOf(base, target);
    await fc.assert(
      fc.asyncProperty(fc.nat(delta.byteLength - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Uint8Array.from(delta);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        let seen = 0;
        const code = await codeOf(
          applyDelta(memorySource(base), sliced(damaged, 700), (_, bytes) => void (seen += bytes.byteLength), 5_000),
        );
        expect(['DELTA_MALFORMED', 'DELTA_BASE_MISMATCH', 'resolved']).toContain(code);
        expect(seen).toBeLessThanOrEqual(5_000);
      }),
      { numRuns: 80 },
    );
    expect(await codeOf(applied(base, delta.subarray(0, -1)))).toBe('DELTA_MALFORMED');
    expect(await codeOf(applied(base, Buffer.concat([delta, Buffer.alloc(1)])))).toBe('DELTA_MALFORMED');
    expect(await codeOf(applied(base.subarray(1), delta))).toBe('DELTA_BASE_MISMATCH');
  });
});

describe('chunk hashes', () => {
  test('do not depend on how the content arrives, and name each chunk', async () => {
    const content = new Uint8Array(2 * CHUNK_BYTES + 5).map((_, i) => i % 251);
    const [once, sliver] = [
      await hashContent(sliced(content, content.length)),
      await hashContent(sliced(content, 99_991)),
    ];
    expect(sliver).toEqual(once);
    expect([once.lengthBytes, once.chunks.length]).toEqual([content.length, 3]);
    for (const index of [0, 1, 2]) {
      const { start, end } = chunkRange(index, content.length);
      checkChunk(once.chunks, index, content.subarray(start, end));
      expect(thrownCode(() => checkChunk(once.chunks, index, content.subarray(start + 1, end)))).toBe('CHUNK_MISMATCH');
    }
    expect(thrownCode(() => checkChunk(once.chunks, 3, new Uint8Array()))).toBe('CHUNK_MISMATCH');
  });
});
