import { afterAll, describe, expect, test } from '@jest/globals';
import { INLINE_CODEC, ThreadedCodec, type OutputEncodings } from '@shoal/models';
import { encodeInferRequest, ProtocolError, type InferResponse, type NamedTensor } from '@shoal/protocol';

const codec = new ThreadedCodec();
afterAll(() => codec.stop());

const numbers: NamedTensor = {
  name: 'x',
  datatype: 'FP32',
  shape: [20_000],
  data: Float32Array.from({ length: 20_000 }, (_, i) => Math.sin(i)),
};
const texts: NamedTensor = {
  name: 's',
  datatype: 'BYTES',
  shape: [6_000],
  data: Array.from({ length: 6_000 }, (_, i) => new TextEncoder().encode(`pump ${i}`)),
};
const longs: NamedTensor = {
  name: 'n',
  datatype: 'INT64',
  shape: [6_000],
  data: BigInt64Array.from({ length: 6_000 }, (_, i) => 9_007_199_254_740_993n + BigInt(i)),
};
const bits: NamedTensor = { name: 'b', datatype: 'UINT8', shape: [3], data: Uint8Array.of(1, 2, 3) };
const all = [numbers, texts, longs, bits];
const inJson = { binary: false, nonFinite: 'refuse' } as const;
const inBinary = { binary: true, nonFinite: 'refuse' } as const;

describe('the threaded codec', () => {
  test('reads a large request as the inline codec does', async () => {
    const { body, headerLength } = encodeInferRequest({ id: 'big', inputs: all }, (name) =>
      name === 'b' ? inBinary : inJson,
    );
    const inline = await INLINE_CODEC.decodeRequest(body, headerLength);
    expect(await codec.decodeRequest(Uint8Array.from(body), headerLength)).toEqual(inline);
    expect(inline.inputs).toEqual(all);
  });

  test('reads a request that is a part of a larger memory, and leaves that alone', async () => {
    const { body } = encodeInferRequest({ inputs: [numbers] }, () => inJson);
    const larger = new Uint8Array(body.length + 100).fill(7);
    larger.set(body, 50);
    const request = await codec.decodeRequest(larger.subarray(50, 50 + body.length), undefined);
    expect(request.inputs).toEqual([numbers]);
    expect(larger[0]).toBe(7);
  });

  test('writes a large response as the inline codec does, and leaves the outputs as they are', async () => {
    const response: InferResponse = { model_name: 'm', outputs: all };
    const encodings: OutputEncodings = { x: inJson, s: inJson, n: inJson, b: inBinary };
    const inline = await INLINE_CODEC.encodeResponse(response, encodings);
    const threaded = await codec.encodeResponse(response, encodings);
    expect(threaded.headerLength).toBe(inline.headerLength);
    expect(Buffer.compare(threaded.body, inline.body)).toBe(0);
    expect(numbers.data).toHaveLength(20_000);
  });

  test('passes on what is wrong with its code', async () => {
    const fault = await codec
      .decodeRequest(Buffer.from(`{"inputs":[${' '.repeat(40_000)}`), undefined)
      .catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(ProtocolError);
    expect(fault).toMatchObject({ code: 'PAYLOAD_NOT_JSON' });
    const nan = { ...numbers, data: new Float32Array(20_000).fill(NaN) };
    await expect(codec.encodeResponse({ model_name: 'm', outputs: [nan] }, { x: inJson })).rejects.toMatchObject({
      code: 'TENSOR_NOT_FINITE',
    });
  });

  test('answers many at once, each with its own', async () => {
    const asked = Array.from({ length: 12 }, async (_, i) => {
      const { body } = encodeInferRequest({ id: String(i), inputs: [numbers] }, () => inJson);
      return (await codec.decodeRequest(Uint8Array.from(body), undefined)).id;
    });
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 12 }, (_, i) => String(i)));
  });

  test('refuses what would wait for too long, and everything after its end', async () => {
    const own = new ThreadedCodec();
    const { body } = encodeInferRequest({ inputs: [numbers] }, () => inJson);
    const asked = Array.from({ length: 40 }, () =>
      own.decodeRequest(Uint8Array.from(body), undefined).then(
        () => 'read',
        (error: unknown) => (error as { code: string }).code,
      ),
    );
    await own.stop();
    const outcomes = new Set(await Promise.all(asked));
    expect(outcomes).toEqual(new Set(['ENGINE_CRASHED', 'ENGINE_BUSY']));
    await expect(own.decodeRequest(Uint8Array.from(body), undefined)).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
  });
});
