/** Frames: the round trip, the bounds, and what is refused before a parser sees it. */
import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BOUNDS, ProtocolError, decodeFrame, encodeFrame } from '../src/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return 'ok';
};
const decoding = (payload: Uint8Array | string): string =>
  codeOf(() => decodeFrame(typeof payload === 'string' ? bytes(payload) : payload));
/** Text that gzip cannot make much smaller. */
const noise = (length: number): string => randomBytes(length).toString('base64');

describe('encodeFrame and decodeFrame', () => {
  test('what is framed is unframed, compressed or not', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())),
        fc.boolean(),
        (value, long) => {
          const document = long ? { value, padding: 'x'.repeat(BOUNDS.compressAboveBytes) } : value;
          const frame = encodeFrame(document);
          expect([0x1f, ...(long ? [] : [0x7b, 0x5b])]).toContain(frame[0]);
          expect(JSON.stringify(decodeFrame(frame))).toBe(JSON.stringify(document));
        },
      ),
    );
  });

  test('a payload that gzip would only enlarge stays as it is', () => {
    const frame = encodeFrame([noise(20).padEnd(5, 'x')]);
    expect(frame[0]).toBe(0x5b);
  });

  test('half a character in a string is sent as U+FFFD, and escapes that are text stay text', () => {
    const cut = 'pump 😀'.slice(0, 6);
    expect(decodeFrame(encodeFrame({ cut, [cut]: 1 }))).toEqual({ cut: 'pump \ufffd', 'pump \ufffd': 1 });
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('\\', 'u', 'd', '8', '0', '\ud83d', '\ude00', 'x') }), (text) => {
        expect(decodeFrame(encodeFrame([text]))).toEqual([text.toWellFormed()]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('content that does not fit is refused by the sender', () => {
    expect(codeOf(() => encodeFrame([noise(BOUNDS.frameBytes)]))).toBe('PAYLOAD_TOO_LARGE');
    expect(codeOf(() => encodeFrame(['x'.repeat(BOUNDS.inflatedBytes)]))).toBe('PAYLOAD_TOO_LARGE');
    expect(decoding(encodeFrame(['x'.repeat(BOUNDS.inflatedBytes - 4)]))).toBe('ok');
  });
});

describe('decodeFrame refuses by name', () => {
  test('any bytes are an answer or a named error', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }).map((tail) => Uint8Array.from([0x1f, 0x8b, ...tail])),
      fc.uint8Array({ maxLength: 200 }).map((inner) => gzipSync(inner)),
      fc.string({ unit: 'binary' }).map((text) => bytes(`{"a":"${text}"}`)),
    );
    fc.assert(
      fc.property(payload, (drawn) => {
        expect(decoding(drawn)).toMatch(/^(ok|PAYLOAD_(NOT_JSON|GZIP_INVALID))$/);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['nothing', '', 'PAYLOAD_NOT_JSON'],
    ['a bare number', '7', 'PAYLOAD_NOT_JSON'],
    ['a bare string', '"{}"', 'PAYLOAD_NOT_JSON'],
    ['a byte order mark', '\ufeff{}', 'PAYLOAD_NOT_JSON'],
    ['half an object', '{"a":', 'PAYLOAD_NOT_JSON'],
    ['a trailing comma', '[1,]', 'PAYLOAD_NOT_JSON'],
    ['NaN', '[NaN]', 'PAYLOAD_NOT_JSON'],
    ['two documents', '{}{}', 'PAYLOAD_NOT_JSON'],
    ['a lone surrogate', '{"a":"\\ud800"}', 'PAYLOAD_NOT_JSON'],
    ['a lone surrogate as key', '{"a":[{"\\uDFFF":1}]}', 'PAYLOAD_NOT_JSON'],
    ['a whole pair in escapes', '{"a":"\\ud83d\\ude00"}', 'ok'],
    ['an escape that is text', '{"a":"\\\\ud800"}', 'ok'],
    ['nesting at the bound', '['.repeat(32) + ']'.repeat(32), 'ok'],
    ['nesting over the bound', '['.repeat(33) + ']'.repeat(33), 'PAYLOAD_TOO_DEEP'],
    ['nesting of a hundred thousand', '{"a":'.repeat(50_000), 'PAYLOAD_TOO_DEEP'],
  ])('%s', (_, payload, code) => {
    expect(decoding(payload)).toBe(code);
  });

  test('bytes that are no UTF-8', () => {
    expect(decoding(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBe('PAYLOAD_NOT_JSON');
  });

  test('frames over the bound, and not those at it', () => {
    const at = (length: number): Uint8Array => bytes(`["${'x'.repeat(length - 4)}"]`);
    expect(decoding(at(BOUNDS.frameBytes))).toBe('ok');
    expect(decoding(at(BOUNDS.frameBytes + 1))).toBe('FRAME_TOO_LARGE');
  });

  test('gzip that is broken, bombs, or hides one of the above', () => {
    const whole = gzipSync('{"a":1}');
    expect(decoding(whole.subarray(0, 12))).toBe('PAYLOAD_GZIP_INVALID');
    expect(decoding(gzipSync(Buffer.alloc(64 * 1_048_576, 0x20), { level: 9 }))).toBe('PAYLOAD_INFLATES_TOO_LARGE');
    expect(decoding(gzipSync(whole))).toBe('PAYLOAD_NOT_JSON');
    expect(decoding(gzipSync('['.repeat(100_000)))).toBe('PAYLOAD_TOO_DEEP');
  });

  test('a __proto__ key is an own property like any other', () => {
    const value = decodeFrame(bytes('{"__proto__":{"polluted":1}}')) as { polluted?: number };
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(value.polluted).toBeUndefined();
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
