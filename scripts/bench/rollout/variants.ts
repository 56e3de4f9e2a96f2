/** Releases that are wrong in ways that only a device finds, made of the shipped pump model. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Golden } from '@shoal/models';
import type { Spoil } from './packed-variant.ts';

export interface BadVariant {
  readonly what: string;
  readonly spoil: Spoil;
  /** What every full agent that meets it must give as its reason. */
  readonly cause: string;
}

const FEATURES = 11;
const FLOAT_BYTES = 4;
/** Little-endian floats of one. */
const ONE = Buffer.from([0, 0, 0x80, 0x3f]);

/** Its weights are no numbers any more. */
const withoutNumbers = (model: Buffer): Buffer => {
  const changed = Buffer.from(model);
  // Two initializers of as many floats as there are features; the first begins with a one.
  const first = model.indexOf(ONE);
  if (first < 0) throw new Error('The weights of the shipped model are not where they were.');
  for (let index = 0; index < FEATURES; index += 1) changed.writeFloatLE(Number.NaN, first + index * FLOAT_BYTES);
  return changed;
};

type Stored = Golden['cases'][number]['outputs'][string];

const raised = (tensor: Stored): Stored => ({ ...tensor, data: tensor.data.map((value) => Number(value) + 1) });

/** Answers that no model of these weights gives. */
const withOtherAnswers = (golden: Golden): Golden => ({
  ...golden,
  cases: golden.cases.map(({ outputs, ...rest }) => ({
    ...rest,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, raised(tensor)])),
  })),
});

/** From `scripts/bench/rollout`, or the same below `scripts/dist`. */
const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = HERE.slice(0, HERE.lastIndexOf(`${sep}scripts${sep}`));
const GRAPHS = ['wrong-on-live', 'crashing-on-live', 'leaking', 'slow'] as const;

/** The shipped network, spoilt: as the tests of `models` write it, which know its graph. */
const writtenGraphs = async (): Promise<Readonly<Record<(typeof GRAPHS)[number], Buffer>>> => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-graphs-'));
  try {
    const program = join(ROOT, 'models', 'test', 'write-pump-variants.ts');
    execFileSync(process.execPath, ['--conditions=source', '--disable-warning=ExperimentalWarning', program, folder]);
    const read = (name: string): Promise<Buffer> => readFile(join(folder, `${name}.onnx`));
    const graphs = GRAPHS.map(async (name) => [name, await read(name)] as const);
    return Object.fromEntries(await Promise.all(graphs)) as Record<(typeof GRAPHS)[number], Buffer>;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Every one that comes as a bundle; those that are found on live data first. */
export const badVariants = async (): Promise<readonly BadVariant[]> => {
  const graphs = await writtenGraphs();
  const graph =
    (name: (typeof GRAPHS)[number]): Spoil =>
    (contents) => ({ ...contents, model: graphs[name] });
  return [
    { what: 'right on golden vectors, wrong on live data', spoil: graph('wrong-on-live'), cause: 'UPDATE_DISAGREES' },
    { what: 'crashing on live data', spoil: graph('crashing-on-live'), cause: 'UPDATE_FAILS_IN_SHADOW' },
    { what: 'leaking', spoil: graph('leaking'), cause: 'UPDATE_LEAKS' },
    {
      what: 'slow',
      spoil: ({ golden, manifest, ...rest }) => ({
        ...graph('slow')({ golden, manifest, ...rest }),
        // One golden case is enough to wait for.
        golden: { ...golden, cases: golden.cases.slice(0, 1) },
        manifest: { ...manifest, gate: { allow: ['control-flow'] } },
      }),
      cause: 'UPDATE_OVER_BUDGET',
    },
    {
      what: 'wrong golden outputs',
      spoil: ({ golden, ...rest }) => ({ ...rest, golden: withOtherAnswers(golden) }),
      cause: 'GOLDEN_MISMATCH',
    },
    {
      what: 'answers that are no number',
      spoil: ({ model, ...rest }) => ({ ...rest, model: withoutNumbers(model) }),
      cause: 'OUTPUT_NOT_FINITE',
    },
    {
      what: 'signed by the wrong key',
      spoil: (contents) => ({ ...contents, signer: generateKeyPairSync('ed25519').privateKey }),
      cause: 'BUNDLE_SIGNATURE_INVALID',
    },
  ];
};
