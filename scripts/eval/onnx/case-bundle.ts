/** A case of the ONNX tests as a bundle that our engines load. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GATE_FLAGS, tensorToStored, writeBundle, type BundleContent } from '@shoal/models';
import type { RawRun } from './raw-messages.ts';
import type { TestCase } from './test-cases.ts';

/** Lower case, digits and hyphens, unique by its number. */
export const bundleName = (index: number, { name }: TestCase): string =>
  `c${String(index).padStart(4, '0')}-${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 60);

/**
 * The signature is what onnxruntime says of the file; the golden case runs the inputs and holds no output, because
 * some of these models draw random numbers. Flagged operators are allowed, because the tests have loops and branches.
 */
const contentOf = async (name: string, test: TestCase, run: RawRun): Promise<BundleContent> => {
  const model = await readFile(test.modelPath);
  const inputs = Object.fromEntries(test.inputs.map((tensor) => [tensor.name, tensorToStored(tensor)]));
  const golden = {
    tolerance: { default: { absolute: 0, relative: 0 } },
    cases: [{ name: 'runs', inputs, outputs: {} }],
  };
  return {
    manifest: {
      schemaVersion: 1,
      name,
      version: '1.0.0',
      releaseCounter: 1,
      platform: 'onnx',
      description: test.name,
      signature: {
        inputs: [...run.inputs],
        outputs: [...run.outputs],
        nonFiniteInputs: 'allow',
        nonFiniteOutputs: 'allow',
      },
      postProcessing: { kind: 'none' },
      engines: ['native-child'],
      resources: { memoryMb: 16, diskBytes: model.byteLength, arch: [], minimumAgent: '0.1.0' },
      gate: { allow: [...GATE_FLAGS] },
      fallback: { mode: 'none', model: null },
    },
    files: [
      { path: 'model.onnx', role: 'model', bytes: model },
      { path: 'golden.json', role: 'golden', bytes: Buffer.from(JSON.stringify(golden), 'utf8') },
    ],
  };
};

/** The folder, called as the model is. */
export const writeCaseBundle = async (root: string, name: string, test: TestCase, run: RawRun): Promise<string> => {
  const folder = join(root, name);
  await writeBundle(folder, await contentOf(name, test, run));
  return folder;
};
