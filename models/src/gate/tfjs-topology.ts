/** Checks of what a model.json is built of: known layers of sane size, known operators in a graph without cycles. */
import { refuse, type TfjsModelFile, type TfjsNode } from './tfjs-model-file.ts';
import { CONTROL_FLOW, GRAPH_OPERATORS, LAYER_CLASSES } from './tfjs-operators.ts';

/** Sizes in the configuration of a layer, in either spelling: from these TensorFlow.js allocates while it builds. */
const SIZE_KEYS = new Set(
  `units filters kernelsize poolsize strides size padding cropping inputdim outputdim n targetshape batchinputshape
   batchshape inputlength numtokens height width depthmultiplier dilationrate`.split(/\s+/),
);
const MAX_SIZE = 1 << 20;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const numbersIn = (value: unknown): number[] => {
  if (typeof value === 'number') return [value];
  return Array.isArray(value) ? value.flatMap(numbersIn) : [];
};

const checkEntry = (key: string, value: unknown): void => {
  if (key === 'class_name' || key === 'className') {
    if (typeof value !== 'string' || !LAYER_CLASSES.has(value))
      refuse(`the class ${String(value).slice(0, 100)} is not allowed`);
    return;
  }
  if (!SIZE_KEYS.has(key.replaceAll('_', '').toLowerCase())) return;
  const huge = numbersIn(value).find((size) => Math.abs(size) > MAX_SIZE);
  if (huge !== undefined) refuse(`${key} is ${huge}, at most ${MAX_SIZE}`);
};

/** Every object of the topology, wherever it hangs: wrappers and cells are layers too. Depth is bounded by the reader. */
const checkLayers = (value: unknown): void => {
  if (Array.isArray(value)) return value.forEach(checkLayers);
  if (!isRecord(value)) return;
  for (const [key, entry] of Object.entries(value)) {
    checkEntry(key, entry);
    checkLayers(entry);
  }
};

/** `^name` orders only, `name:1` takes another output. */
const sourceOf = (input: string): string => input.replace(/^\^/, '').split(':')[0] ?? '';

/** Kahn 1962: what cannot be put in order is part of a cycle, or feeds on one. */
const checkOrder = (nodes: readonly TfjsNode[]): void => {
  const waiting = new Map(nodes.map(({ name, input }) => [name, input.length]));
  const readers = new Map<string, string[]>(nodes.map(({ name }) => [name, []]));
  for (const { name, input } of nodes)
    for (const source of input.map(sourceOf))
      (readers.get(source) ?? refuse(`${name} reads ${source}, which is not in the graph`)).push(name);
  const ready = nodes.filter(({ input }) => input.length === 0).map(({ name }) => name);
  let ordered = 0;
  for (let name = ready.pop(); name !== undefined; name = ready.pop()) {
    ordered += 1;
    for (const reader of readers.get(name) ?? []) {
      const left = (waiting.get(reader) ?? 0) - 1;
      waiting.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  if (ordered !== nodes.length) refuse('the graph has a cycle');
};

const checkGraph = (nodes: readonly TfjsNode[]): void => {
  const flow = nodes.find(({ op }) => CONTROL_FLOW.has(op));
  if (flow !== undefined) refuse(`control flow (${flow.op}) is not allowed: it may never end`);
  const unknown = nodes.find(({ op }) => !GRAPH_OPERATORS.has(op));
  if (unknown !== undefined) refuse(`the operator ${unknown.op.slice(0, 100)} is not allowed`);
  if (new Set(nodes.map(({ name }) => name)).size !== nodes.length) refuse('two nodes have the same name');
  checkOrder(nodes);
};

/** Throws MODEL_GATE_REFUSED. */
export const checkTopology = (file: TfjsModelFile): void =>
  file.format === 'graph-model' ? checkGraph(file.modelTopology.node) : checkLayers(file.modelTopology);
