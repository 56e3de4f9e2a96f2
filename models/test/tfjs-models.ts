/** Bundles around TensorFlow.js files, written by hand, that misbehave in one way each. */
import type { BundleContent } from '@shoal/models';
import type { Datatype } from '@shoal/protocol';
import { manifestOf, type BundlePlan } from './test-bundles.ts';

interface Weight {
  readonly name: string;
  readonly shape: number[];
  readonly dtype: 'float32' | 'int32' | 'bool' | 'string';
  readonly bytes: Uint8Array;
}

type Attributes = Readonly<Record<string, unknown>>;

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: string[];
  readonly attr?: Attributes;
}

const TYPES = { FP32: 'DT_FLOAT', INT32: 'DT_INT32', BOOL: 'DT_BOOL', BYTES: 'DT_STRING' } as const;
type TfDatatype = keyof typeof TYPES;
const typeAttribute = (datatype: TfDatatype) => ({ type: TYPES[datatype] });

export const placeholder = (name: string, shape: readonly number[], datatype: TfDatatype = 'FP32'): GraphNode => ({
  name,
  op: 'Placeholder',
  attr: { dtype: typeAttribute(datatype), shape: { shape: { dim: shape.map((size) => ({ size: String(size) })) } } },
});

export const floats = (name: string, shape: number[], values: readonly number[]): Weight => ({
  name,
  shape,
  dtype: 'float32',
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

export const integers = (name: string, shape: number[], values: readonly number[]): Weight => ({
  name,
  shape,
  dtype: 'int32',
  bytes: new Uint8Array(Int32Array.from(values).buffer),
});

const constant = ({ name, dtype }: Weight): GraphNode => ({
  name,
  op: 'Const',
  attr: { dtype: typeAttribute(dtype === 'int32' ? 'INT32' : 'FP32') },
});

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value), 'utf8');

const weightsManifest = (weights: readonly Weight[], paths: readonly string[]) =>
  weights.length === 0 ? [] : [{ paths, weights: weights.map(({ name, shape, dtype }) => ({ name, shape, dtype })) }];

export const graphJson = (nodes: readonly GraphNode[], weights: readonly Weight[]): Record<string, unknown> => ({
  format: 'graph-model',
  modelTopology: { node: [...nodes, ...weights.map(constant)], versions: { producer: 1 } },
  weightsManifest: weightsManifest(weights, ['weights.bin']),
});

export const weightBytes = (weights: readonly Weight[]): Uint8Array => Buffer.concat(weights.map(({ bytes }) => bytes));

const TFJS: Pick<BundleContent['manifest'], 'platform' | 'engines'> = { platform: 'tfjs', engines: ['tfjs-child'] };

/** A bundle of `model.json` and, where there are weights, `weights.bin`. */
export const tfjsPlan = (
  model: Record<string, unknown> | Uint8Array,
  weights: Uint8Array = new Uint8Array(0),
  plan: Partial<BundlePlan> = {},
): BundlePlan => ({
  ...plan,
  model: model instanceof Uint8Array ? model : json(model),
  modelName: 'model.json',
  ...(weights.length > 0 && { weights: { 'weights.bin': weights } }),
  manifest: { ...TFJS, ...plan.manifest },
});

export const graphPlan = (
  nodes: readonly GraphNode[],
  weights: readonly Weight[] = [],
  plan: Partial<BundlePlan> = {},
): BundlePlan => tfjsPlan(graphJson(nodes, weights), weightBytes(weights), plan);

const X = placeholder('x', [-1, 1]);
const TWO = floats('two', [], [2]);

export const TFJS_DOUBLING = graphPlan([X, { name: 'score', op: 'Mul', input: ['x', 'two'] }], [TWO]);
export const TFJS_NOT_FINITE = graphPlan(
  [X, { name: 'score', op: 'RealDiv', input: ['x', 'zero'] }],
  [floats('zero', [], [0])],
);
export const TFJS_GARBAGE = tfjsPlan(Buffer.from('this is not a model at all', 'utf8'));

const cast = (name: string, from: string): GraphNode => ({
  name,
  op: 'Cast',
  input: [from],
  attr: { SrcT: typeAttribute('FP32'), DstT: typeAttribute('INT32') },
});

/** score = x[x]: fails where an input is no index of a row. */
export const TFJS_INDEXING = graphPlan(
  [
    X,
    { name: 'row', op: 'Reshape', input: ['x', 'flat'] },
    cast('indices', 'row'),
    { name: 'score', op: 'GatherV2', input: ['x', 'indices', 'axis'] },
  ],
  [integers('flat', [1], [-1]), integers('axis', [], [0])],
);

const largest: GraphNode = { name: 'largest', op: 'Max', input: ['x', 'all'], attr: { keep_dims: { b: false } } };
const ALL = integers('all', [2], [0, 1]);

/** Wants x times 4 MB (x >= 0) while it runs, and gives 2 x. */
export const TFJS_GREEDY = graphPlan(
  [
    X,
    largest,
    cast('count', 'largest'),
    { name: 'elements', op: 'Mul', input: ['count', 'million'] },
    { name: 'shape', op: 'Reshape', input: ['elements', 'flat'] },
    { name: 'filled', op: 'Fill', input: ['shape', 'zero'] },
    { name: 'none', op: 'Max', input: ['filled', 'first'], attr: { keep_dims: { b: false } } },
    { name: 'same', op: 'AddV2', input: ['x', 'none'] },
    { name: 'score', op: 'Mul', input: ['same', 'two'] },
  ],
  [
    ALL,
    integers('million', [], [1_048_576]),
    integers('flat', [1], [1]),
    floats('zero', [], [0]),
    integers('first', [1], [0]),
    TWO,
  ],
);

/** As TFJS_DOUBLING, but multiplies matrices for minutes where the largest input is above 1000: no loop, and no end in sight. */
export const TFJS_HANGING_ABOVE_1000 = graphPlan(
  [
    X,
    largest,
    { name: 'big', op: 'Greater', input: ['largest', 'limit'] },
    { name: 'width', op: 'SelectV2', input: ['big', 'wide', 'narrow'] },
    { name: 'side', op: 'Reshape', input: ['width', 'flat'] },
    { name: 'shape', op: 'ConcatV2', input: ['side', 'side', 'axis'], attr: { N: { i: '2' } } },
    { name: 'product0', op: 'Fill', input: ['shape', 'zero'] },
    ...Array.from({ length: 100 }, (_, i): GraphNode => ({
      name: `product${i + 1}`,
      op: 'MatMul',
      input: [`product${i}`, `product${i}`],
    })),
    { name: 'none', op: 'Max', input: ['product100', 'all'], attr: { keep_dims: { b: false } } },
    { name: 'same', op: 'AddV2', input: ['x', 'none'] },
    { name: 'score', op: 'Mul', input: ['same', 'two'] },
  ],
  [
    ALL,
    floats('limit', [], [1_000]),
    integers('wide', [], [2_000]),
    integers('narrow', [], [1]),
    integers('flat', [1], [1]),
    integers('axis', [], [0]),
    floats('zero', [], [0]),
    TWO,
  ],
  { manifest: { resources: { ...manifestOf().resources, memoryMb: 256 } } },
);

/** x of a datatype, with any shape of the rank, unchanged. */
export const tfjsIdentityPlan = (datatype: TfDatatype & Datatype, shape: number[] = [-1]): BundlePlan =>
  graphPlan([placeholder('x', shape, datatype), { name: 'score', op: 'Identity', input: ['x'] }], [], {
    manifest: {
      signature: {
        inputs: [{ name: 'x', datatype, shape }],
        outputs: [{ name: 'score', datatype, shape }],
        nonFiniteInputs: 'refuse',
        nonFiniteOutputs: 'refuse',
      },
    },
  });

/** A Sequential model of the given layers behind an input x [batch, ...shape]. */
export const layersJson = (
  layers: readonly { readonly class_name: string; readonly config: Attributes }[],
  weights: readonly Weight[],
  shape: readonly number[] = [1],
): Record<string, unknown> => ({
  format: 'layers-model',
  modelTopology: {
    class_name: 'Sequential',
    config: {
      name: 'sequential',
      layers: [
        { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, ...shape], dtype: 'float32' } },
        ...layers,
      ],
    },
  },
  weightsManifest: weightsManifest(weights, ['weights.bin']),
});
