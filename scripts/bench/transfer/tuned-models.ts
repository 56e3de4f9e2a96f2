/** Two versions of one model as a fine-tune leaves them: every weight moved by up to one percent, and the same in eight bits. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import { readCatalogBundle, writeBundle, type Bundle } from '@shoal/models';
import { applyDelta, makeDelta, memorySource, packBundle } from '@shoal/models/trust';
import { ROOT } from '../load/built-server.ts';

const ROWS = 256;
const INT8_MOST = 127;

export interface DeltaFigures {
  readonly archiveBytes: number;
  readonly deltaBytes: number;
  /** Of the archive alone, for comparison: what would be saved without a base. */
  readonly zstdBytes: number;
  readonly isSame: boolean;
}

/** Normal of mean 0 and deviation 1 (Box and Muller 1958). */
const gaussian = (uniform: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

/** Fast enough for millions, good enough for weights (Marsaglia 2003, xorshift32). */
const uniformFrom = (seed: number): (() => number) => {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4_294_967_296;
  };
};

export interface TunedWeights {
  readonly base: Float32Array;
  readonly tuned: Float32Array;
}

/** He initialisation, then each weight times 1 ± at most 0.01. */
export const tunedWeights = (count: number, seed = randomBytes(4).readUInt32BE()): TunedWeights => {
  const uniform = uniformFrom(seed);
  const base = Float32Array.from({ length: count }, () => gaussian(uniform) * Math.sqrt(2 / ROWS));
  return { base, tuned: base.map((weight) => weight * (1 + 0.01 * (2 * uniform() - 1))) };
};

/** Scales are those of the base, as a fine-tune with pinned scales keeps them. */
const int8 = (weights: Float32Array, scale: number): Uint8Array =>
  Uint8Array.from(weights, (weight) => Math.max(-INT8_MOST, Math.min(INT8_MOST, Math.round(weight / scale))) + 128);

/** The bundle `like` with one file of other content. */
const packed = async (
  like: Bundle,
  folder: string,
  version: string,
  [replaced, bytes]: readonly [string, Uint8Array],
) => {
  const { files, featureViewHash: _, ...manifest } = like.manifest;
  const contents = await Promise.all(
    files.map(async ({ path, role }) => ({
      path,
      role,
      bytes: path === replaced ? bytes : await readFile(join(like.folder, path)),
    })),
  );
  await mkdir(folder, { recursive: true });
  await writeBundle(join(folder, version), { manifest: { ...manifest, version }, files: contents });
  return buffer(await packBundle(join(folder, version)));
};

const measured = async (base: Uint8Array, target: Uint8Array): Promise<DeltaFigures> => {
  const parts: Uint8Array[] = [];
  for await (const part of makeDelta(memorySource(base), memorySource(target))) parts.push(part);
  const chunks: Uint8Array[] = [];
  await applyDelta(memorySource(base), Readable.from(parts), (_, bytes) => void chunks.push(bytes));
  const zstd = await promisify(zstdCompress)(target);
  return {
    archiveBytes: target.byteLength,
    deltaBytes: parts.reduce((sum, { byteLength }) => sum + byteLength, 0),
    zstdBytes: zstd.byteLength,
    isSame: Buffer.concat(chunks).equals(target),
  };
};

type WriteOnnx = (graph: object) => Uint8Array;

const onnxOf = async (values: Float32Array): Promise<Uint8Array> => {
  const writer = pathToFileURL(join(ROOT, 'models', 'dist-train', 'onnx-writer.js')).href;
  const { writeOnnx } = (await import(writer)) as { writeOnnx: WriteOnnx };
  return writeOnnx({
    name: 'tuned',
    inputs: [{ name: 'x', element: 'FP32', shape: ['n', ROWS] }],
    outputs: [{ name: 'y', element: 'FP32', shape: ['n', values.length / ROWS] }],
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
    initializers: { w: { element: 'FP32', shape: [ROWS, values.length / ROWS], values } },
  });
};

/** Packed ONNX bundles of 32-bit weights. */
export const fp32Delta = async ({ base, tuned }: TunedWeights, folder: string): Promise<DeltaFigures> => {
  const like = await readCatalogBundle('pump-anomaly', '1.1.0');
  const pack = async (values: Float32Array, version: string) =>
    packed(like, join(folder, 'fp32'), version, ['model.onnx', await onnxOf(values)]);
  return measured(await pack(base, '1.0.0'), await pack(tuned, '1.1.0'));
};

/** Packed bundles of 8-bit weights, in a file of their own as TensorFlow.js keeps them. */
export const int8Delta = async ({ base, tuned }: TunedWeights, folder: string): Promise<DeltaFigures> => {
  const like = await readCatalogBundle('pump-condition', '1.0.0');
  const scale = base.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) / INT8_MOST;
  const pack = (values: Float32Array, version: string) =>
    packed(like, join(folder, 'int8'), version, ['weights.bin', int8(values, scale)]);
  return measured(await pack(base, '1.0.0'), await pack(tuned, '1.1.0'));
};
