/**
 * How large the tensors are that a graph declares by constants alone: 68 bytes can ask for a gigabyte, and a runtime makes it
 * while loading. What is computed from inputs is out of reach here; the caps of the probation child hold for it.
 */
import type { Scope } from './collect-graphs.ts';
import {
  bytesOf,
  elementsOf,
  type OnnxAttributeFacts,
  type OnnxNodeFacts,
  type OnnxTensorFacts,
} from './onnx-model.ts';

const FLOAT = 1;
const INT64 = 7;

/** What is known of a value: small numbers, its size, its type; `isConstant` when no input of the model is in it. */
interface Known {
  readonly elements: readonly number[] | null;
  readonly count: number;
  readonly dataType: number;
  readonly isConstant: boolean;
}

/** A lower bound of what a node makes. */
export interface DeclaredSize {
  readonly node: OnnxNodeFacts;
  readonly bytes: number;
  /** Whether a runtime can make it while it loads the model. */
  readonly isConstant: boolean;
}

const product = (numbers: readonly number[]): number => elementsOf(numbers.map((number) => Math.max(0, number)));
const attribute = (node: OnnxNodeFacts, name: string): OnnxAttributeFacts | undefined =>
  node.attributes.find((candidate) => candidate.name === name);
const integersOf = (node: OnnxNodeFacts, name: string): readonly number[] => attribute(node, name)?.integers ?? [];

const knownTensor = ({ elements, shape, dataType }: OnnxTensorFacts): Known => ({
  elements,
  count: elementsOf(shape),
  dataType,
  isConstant: true,
});

const constantValue = (node: OnnxNodeFacts): Known | null => {
  const [tensor] = attribute(node, 'value')?.tensors ?? [];
  if (tensor !== undefined) return knownTensor(tensor);
  const numbers = (values: readonly number[], dataType: number): Known => ({
    elements: values,
    count: values.length,
    dataType,
    isConstant: true,
  });
  for (const [name, dataType] of [
    ['value_int', INT64],
    ['value_float', FLOAT],
  ] as const) {
    const value = attribute(node, name)?.integer ?? attribute(node, name)?.float ?? null;
    if (value !== null) return numbers([value], dataType);
  }
  const integers = integersOf(node, 'value_ints');
  return integers.length > 0 ? numbers(integers, INT64) : null;
};

type Inputs = readonly (Known | undefined)[];
/** Elements a node makes at least; null when its constants do not tell. */
type Count = (node: OnnxNodeFacts, inputs: Inputs) => number | null;

const numbers = (inputs: Inputs, at: number): readonly number[] | null => inputs[at]?.elements ?? null;
/** Of an input of unknown size, one element. */
const countOf = (inputs: Inputs, at: number): number => inputs[at]?.count ?? 1;
const productOf = (inputs: Inputs, at: number): number | null => {
  const sizes = numbers(inputs, at);
  return sizes === null ? null : product(sizes);
};

const range: Count = (_, inputs) => {
  const [start, limit, delta] = [0, 1, 2].map((at) => numbers(inputs, at)?.[0]);
  if (start === undefined || limit === undefined || delta === undefined) return null;
  return Math.max(0, Math.ceil((limit - start) / delta)) || 0;
};

/** Padding is added on both sides of every dimension; negative padding takes away. */
const padded = (pads: readonly number[]): number => {
  const rank = Math.floor(pads.length / 2);
  const sizes = Array.from({ length: rank }, (_, axis) => (pads[axis] ?? 0) + (pads[axis + rank] ?? 0));
  return product(sizes.map((size) => Math.max(1, size)));
};

const resize: Count = (node, inputs) => {
  const sizes = node.operator === 'Resize' ? productOf(inputs, 3) : null;
  if (sizes !== null && sizes > 0) return sizes;
  const [scales, floats] = [node.operator === 'Resize' ? 2 : 1, attribute(node, 'scales')?.floats ?? []];
  const factor = productOf(inputs, scales) ?? (floats.length > 0 ? product(floats) : null);
  return factor === null || factor === 0 ? null : countOf(inputs, 0) * factor;
};

const shapeAttribute: Count = (node) => product(integersOf(node, 'shape'));
const windowFunction: Count = (_, inputs) => numbers(inputs, 0)?.[0] ?? null;

/** Operators whose output can be larger than what goes in. */
const COUNTS: Readonly<Record<string, Count>> = {
  ConstantOfShape: (_, inputs) => productOf(inputs, 0),
  Expand: (_, inputs) => {
    const sizes = productOf(inputs, 1);
    return sizes === null ? null : Math.max(sizes, inputs[0]?.count ?? 0);
  },
  Tile: (_, inputs) => {
    const repeats = productOf(inputs, 1);
    return repeats === null ? null : repeats * countOf(inputs, 0);
  },
  Range: range,
  OneHot: (_, inputs) => {
    const depth = numbers(inputs, 1)?.[0];
    return depth === undefined ? null : Math.max(0, depth) * countOf(inputs, 0);
  },
  Resize: resize,
  Upsample: resize,
  Pad: (node, inputs) => {
    const pads = numbers(inputs, 1) ?? attribute(node, 'pads')?.integers ?? attribute(node, 'paddings')?.integers;
    return pads === undefined ? null : padded(pads);
  },
  RandomNormal: shapeAttribute,
  RandomUniform: shapeAttribute,
  ConvTranspose: (node) => product(integersOf(node, 'output_shape')),
  MaxUnpool: (_, inputs) => productOf(inputs, 2),
  CenterCropPad: (_, inputs) => productOf(inputs, 1),
  Col2Im: (_, inputs) => productOf(inputs, 1),
  HannWindow: windowFunction,
  HammingWindow: windowFunction,
  BlackmanWindow: windowFunction,
};

const outputType = (node: OnnxNodeFacts, inputs: Inputs): number => {
  if (node.operator === 'ConstantOfShape') return attribute(node, 'value')?.tensors[0]?.dataType ?? FLOAT;
  if (node.operator === 'OneHot') return inputs[2]?.dataType ?? FLOAT;
  if (Object.hasOwn(inputs, 0) && inputs[0] !== undefined && !node.operator.endsWith('Window'))
    return inputs[0].dataType;
  return FLOAT;
};

/** Values pass through these unchanged, or one after the other: how a shape is put together. */
const passedOn = (node: OnnxNodeFacts, inputs: Inputs): Known | null => {
  const isPassing = ['Identity', 'Cast', 'Squeeze', 'Unsqueeze', 'Concat'].includes(node.operator);
  const parts = node.operator === 'Concat' ? inputs : inputs.slice(0, 1);
  if (!isPassing || !parts.every((part) => part?.elements !== null && part !== undefined)) return null;
  const elements = parts.flatMap((part) => part?.elements ?? []);
  const to = node.operator === 'Cast' ? attribute(node, 'to')?.integer : parts[0]?.dataType;
  return elements.length > 64
    ? null
    : { elements, count: elements.length, dataType: to ?? INT64, isConstant: parts.every((part) => part?.isConstant) };
};

const lookUp = (
  known: ReadonlyMap<Scope, ReadonlyMap<string, Known>>,
  scope: Scope,
  name: string,
): Known | undefined => {
  for (let at: Scope | null = scope; at !== null; at = at.around) {
    const found = known.get(at)?.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
};

type Made = { readonly value: Known; readonly isLarge: boolean } | null;

const make = (node: OnnxNodeFacts, inputs: Inputs): Made => {
  const passed = node.operator === 'Constant' ? constantValue(node) : passedOn(node, inputs);
  if (passed !== null) return { value: passed, isLarge: false };
  const count = Object.hasOwn(COUNTS, node.operator) ? COUNTS[node.operator]?.(node, inputs) : null;
  if (count === null || count === undefined) return null;
  const isConstant = inputs.every((input, at) => node.inputs[at] === '' || input?.isConstant === true);
  return { value: { elements: null, count, dataType: outputType(node, inputs), isConstant }, isLarge: true };
};

/** Sizes that constants declare, in the order of scopes and nodes; every scope comes after the one around it. */
export const declaredSizes = (scopes: readonly Scope[]): DeclaredSize[] => {
  const sizes: DeclaredSize[] = [];
  const known = new Map<Scope, Map<string, Known>>();
  for (const scope of scopes) {
    const here = new Map(scope.initializers.map((tensor) => [tensor.name, knownTensor(tensor)]));
    known.set(scope, here);
    for (const node of scope.nodes) {
      const [output] = node.outputs;
      if (output === undefined || node.domain !== '') continue;
      const made = make(
        node,
        node.inputs.map((name) => lookUp(known, scope, name)),
      );
      if (made === null) continue;
      const { count, dataType, isConstant } = made.value;
      here.set(output, made.value);
      if (made.isLarge) sizes.push({ node, bytes: bytesOf(count, dataType), isConstant });
    }
  }
  return sizes;
};
