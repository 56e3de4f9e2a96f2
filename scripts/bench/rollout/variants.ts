/** Releases made of the shipped pump model: a good one, and ones that are wrong in ways that only a device finds. */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { catalogFolder } from '@shoal/models';
import { packBundle } from '@shoal/models/trust';

const SHIPPED = join(catalogFolder(), 'pump-anomaly', '1.1.0');

interface Manifest {
  files: { path: string; sha256: string; lengthBytes: number }[];
}

interface Golden {
  cases: { outputs: Record<string, { data: number[] }> }[];
}

export interface Contents {
  readonly model: Buffer;
  readonly golden: Golden;
}

/** What is made of the shipped content. */
export type Spoil = (contents: Contents) => Contents;

/** Little-endian floats of one. */
const ONE = Buffer.from([0, 0, 0x80, 0x3f]);
const FLOAT_BYTES = 4;

/** Every weight of the model, each replaced by `change` of it; all of its floats are ±1 or between. */
const weights = (model: Buffer, change: (weight: number) => number): Buffer => {
  const changed = Buffer.from(model);
  // Two initializers of as many floats as there are features; the first begins with a one.
  const first = model.indexOf(ONE);
  if (first < 0) throw new Error('The weights of the shipped model are not where they were.');
  for (let index = 0; index < FEATURES; index += 1) {
    const at = first + index * FLOAT_BYTES;
    changed.writeFloatLE(change(changed.readFloatLE(at)), at);
  }
  return changed;
};
const FEATURES = 11;

const outputs = (golden: Golden, change: (value: number) => number): Golden => ({
  ...golden,
  cases: golden.cases.map((each) => ({
    ...each,
    outputs: Object.fromEntries(
      Object.entries(each.outputs).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map(change) }]),
    ),
  })),
});

export const GOOD: Spoil = (contents) => contents;
/** By what is wrong; the device finds each by itself. */
export const BAD: Readonly<Record<string, Spoil>> = {
  'wrong golden outputs': ({ model, golden }) => ({ model, golden: outputs(golden, (value) => value + 1) }),
  'answers that are no number': ({ model, golden }) => ({ model: weights(model, () => Number.NaN), golden }),
  'weights of another model': ({ model, golden }) => ({ model: weights(model, (weight) => weight * 3), golden }),
};

/** The packed bundle under this version and counter. */
export const packed = async (
  version: string,
  releaseCounter: number,
  spoil: Spoil,
): Promise<Uint8Array<ArrayBuffer>> => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-variant-'));
  try {
    await cp(SHIPPED, folder, { recursive: true });
    await rm(join(folder, 'signature.json'), { force: true });
    const model = await readFile(join(folder, 'model.onnx'));
    const golden = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')) as Golden;
    const spoilt = spoil({ model, golden });
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as Manifest;
    const put = async (path: string, bytes: Uint8Array): Promise<void> => {
      await writeFile(join(folder, path), bytes);
      const file = manifest.files.find((candidate) => candidate.path === path);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (file !== undefined) Object.assign(file, { sha256, lengthBytes: bytes.byteLength });
    };
    await put('model.onnx', spoilt.model);
    await put('golden.json', Buffer.from(JSON.stringify(spoilt.golden)));
    await writeFile(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, version, releaseCounter }));
    return new Uint8Array(await buffer(await packBundle(folder)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
