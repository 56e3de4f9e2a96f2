/** Golden vectors: inputs with the outputs an engine must reproduce before it is trusted with a model. */
import type { Tensor, Tensors } from '@shoal/protocol/wire';
import { z } from 'zod';
import { ModelError } from '../errors.ts';
import { engineKindSchema, type EngineKind } from './manifest.ts';
import { storedTensorSchema, tensorFromStored, type StoredTensor } from './stored-tensor.ts';

const toleranceSchema = z.strictObject({ absolute: z.number().min(0), relative: z.number().min(0) });
export type Tolerance = z.infer<typeof toleranceSchema>;

const tensorsSchema = z.record(z.string().min(1), storedTensorSchema);

/** Content of `golden.json`. `tolerance.default` holds for an engine that has none of its own. */
export const goldenSchema = z.strictObject({
  tolerance: z.strictObject({
    default: toleranceSchema,
    engines: z.partialRecord(engineKindSchema, toleranceSchema).default({}),
  }),
  cases: z.array(z.strictObject({ name: z.string().min(1), inputs: tensorsSchema, outputs: tensorsSchema })).min(1),
});
export type Golden = z.infer<typeof goldenSchema>;
type GoldenCase = Golden['cases'][number];

/** As much of a model handle as the check needs. */
export interface GoldenSubject {
  infer(inputs: Tensors): Promise<{ readonly outputs: Tensors }>;
}

const decode = (stored: Readonly<Record<string, StoredTensor>>): Tensors =>
  Object.fromEntries(Object.entries(stored).map(([name, tensor]) => [name, tensorFromStored(tensor)]));

/** What the cases ask, in order. */
export const goldenInputs = (golden: Golden): readonly Tensors[] => golden.cases.map(({ inputs }) => decode(inputs));

/** |actual - expected| <= absolute + relative * |expected|; two NaNs agree. */
const agrees = (actual: number, expected: number, tolerance: Tolerance): boolean =>
  Object.is(actual, expected) ||
  actual === expected ||
  Math.abs(actual - expected) <= tolerance.absolute + tolerance.relative * Math.abs(expected);

const elementAgrees = (actual: unknown, expected: unknown, tolerance: Tolerance): boolean => {
  if (typeof actual === 'number' && typeof expected === 'number') return agrees(actual, expected, tolerance);
  if (actual instanceof Uint8Array && expected instanceof Uint8Array)
    return Buffer.compare(Buffer.from(actual), Buffer.from(expected)) === 0;
  return actual === expected;
};

/** What differs first, or null when the tensors agree. */
export const tensorDifference = (actual: Tensor | undefined, expected: Tensor, tolerance: Tolerance): string | null => {
  if (actual === undefined) return 'is missing';
  if (actual.datatype !== expected.datatype) return `is ${actual.datatype}, not ${expected.datatype}`;
  if (actual.shape.join() !== expected.shape.join())
    return `has shape [${actual.shape.join()}], not [${expected.shape.join()}]`;
  const different = Array.from<unknown>(expected.data).findIndex(
    (value, i) => !elementAgrees(actual.data[i], value, tolerance),
  );
  return different < 0
    ? null
    : `[${different}] is ${String(actual.data[different])}, not ${String(expected.data[different])}`;
};

const caseDifference = (outputs: Tensors, golden: GoldenCase, tolerance: Tolerance): string | null => {
  for (const [name, expected] of Object.entries(decode(golden.outputs))) {
    const difference = tensorDifference(outputs[name], expected, tolerance);
    if (difference !== null) return `${name} ${difference}`;
  }
  return null;
};

/** Runs every case, in order. Throws GOLDEN_MISMATCH with the first difference, or what the subject throws. */
export const checkGolden = async (subject: GoldenSubject, golden: Golden, engine: EngineKind): Promise<void> => {
  const tolerance = golden.tolerance.engines[engine] ?? golden.tolerance.default;
  for (const example of golden.cases) {
    const { outputs } = await subject.infer(decode(example.inputs));
    const difference = caseDifference(outputs, example, tolerance);
    if (difference !== null)
      throw new ModelError('GOLDEN_MISMATCH', `Golden case "${example.name}" on ${engine}: ${difference}`);
  }
};
