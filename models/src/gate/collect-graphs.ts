/** Everything of a model in flat lists, wherever it is nested. */
import { ModelError } from '../errors.ts';
import type {
  OnnxGraphFacts,
  OnnxModelFacts,
  OnnxNodeFacts,
  OnnxSparseTensorFacts,
  OnnxTensorFacts,
} from './onnx-model.ts';

/** A graph or the body of a function: what one pass over its nodes can know. */
export interface Scope {
  readonly nodes: readonly OnnxNodeFacts[];
  readonly initializers: readonly OnnxTensorFacts[];
  /** Whose values can be used here too. */
  readonly around: Scope | null;
}

export interface GraphCollection {
  readonly graphs: readonly OnnxGraphFacts[];
  /** Each after the one around it. */
  readonly scopes: readonly Scope[];
  /** Of all graphs and functions. */
  readonly nodes: readonly OnnxNodeFacts[];
  /** Initializers and constants in attributes. */
  readonly tensors: readonly OnnxTensorFacts[];
  readonly sparseTensors: readonly OnnxSparseTensorFacts[];
  /** `domain:name` of the file's own functions. */
  readonly functions: ReadonlySet<string>;
  /** With every call of a function replaced by its body. */
  readonly nodeCount: number;
}

interface Lists {
  readonly graphs: OnnxGraphFacts[];
  readonly scopes: Scope[];
  readonly nodes: OnnxNodeFacts[];
  readonly tensors: OnnxTensorFacts[];
  readonly sparseTensors: OnnxSparseTensorFacts[];
}

const addSparse = (lists: Lists, sparse: readonly OnnxSparseTensorFacts[]): void => {
  for (const tensor of sparse) {
    lists.sparseTensors.push(tensor);
    for (const part of [tensor.values, tensor.indices]) if (part !== null) lists.tensors.push(part);
  }
};

const addScope = (lists: Lists, scope: Scope): void => {
  lists.scopes.push(scope);
  for (const node of scope.nodes) {
    lists.nodes.push(node);
    for (const { tensors, sparseTensors, graphs } of node.attributes) {
      for (const tensor of tensors) lists.tensors.push(tensor);
      addSparse(lists, sparseTensors);
      for (const graph of graphs) addGraph(lists, graph, scope);
    }
  }
};

const addGraph = (lists: Lists, graph: OnnxGraphFacts, around: Scope | null): void => {
  const { nodes, initializers } = graph;
  lists.graphs.push(graph);
  for (const tensor of initializers) lists.tensors.push(tensor);
  addSparse(lists, graph.sparseInitializers);
  addScope(lists, { nodes, initializers, around });
};

const keyOf = ({ domain, operator }: OnnxNodeFacts): string => `${domain}:${operator}`;

/** Nodes of a list when every function is written out; doubles quickly, so each function is counted once. */
const unfoldedCounter = (
  bodies: ReadonlyMap<string, readonly OnnxNodeFacts[]>,
): ((nodes: readonly OnnxNodeFacts[]) => number) => {
  const known = new Map<string, number>();
  const open = new Set<string>();
  const countFunction = (key: string, body: readonly OnnxNodeFacts[]): number => {
    const counted = known.get(key);
    if (counted !== undefined) return counted;
    if (open.has(key) || open.size >= 64)
      throw new ModelError('MODEL_GATE_REFUSED', `The function ${key} calls itself or nests too deep; write it out.`);
    open.add(key);
    const total = count(body);
    open.delete(key);
    known.set(key, total);
    return total;
  };
  const count = (nodes: readonly OnnxNodeFacts[]): number =>
    nodes.reduce((sum, node) => {
      const body = bodies.get(keyOf(node));
      const inside = node.attributes
        .flatMap(({ graphs }) => graphs)
        .reduce((inner, graph) => inner + count(graph.nodes), 0);
      return sum + 1 + inside + (body === undefined ? 0 : countFunction(keyOf(node), body));
    }, 0);
  return count;
};

/** Throws MODEL_GATE_REFUSED for functions that call themselves. */
export const collectGraphs = ({ graph, functions }: OnnxModelFacts): GraphCollection => {
  const lists: Lists = { graphs: [], scopes: [], nodes: [], tensors: [], sparseTensors: [] };
  const bodies = new Map(functions.map(({ domain, name, nodes }) => [`${domain}:${name}`, nodes]));
  if (bodies.size < functions.length) throw new ModelError('MODEL_GATE_REFUSED', 'Two functions have the same name.');
  addGraph(lists, graph, null);
  for (const { nodes } of functions) addScope(lists, { nodes, initializers: [], around: null });
  const count = unfoldedCounter(bodies);
  const unused = functions.reduce((sum, { nodes }) => sum + nodes.length, 0);
  return { ...lists, functions: new Set(bodies.keys()), nodeCount: Math.max(count(graph.nodes), unused) };
};
