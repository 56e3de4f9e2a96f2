/** The static gate: decides from what an ONNX file declares whether native code may see its bytes. Pure. */
import type { Datatype, TensorSpec } from '@shoal/protocol/wire';
import { checkSignature } from '../engine/check-signature.ts';
import { ModelError } from '../errors.ts';
import { collectGraphs, type GraphCollection } from './collect-graphs.ts';
import { declaredSizes, type DeclaredSize } from './declared-sizes.ts';
import type { GateFlag } from './gate-flags.ts';
import { CONTROL_FLOW, MAX_IR_VERSION, MAX_ML_OPSET, MAX_NODES, MAX_OPSET } from './gate-rules.ts';
import { ML_DOMAIN, STANDARD_DOMAIN, VENDOR_DOMAIN, type GateRules } from './gate-rules.ts';
import { bytesOf, elementName, elementsOf } from './onnx-model.ts';
import type { OnnxGraphFacts, OnnxModelFacts, OnnxNodeFacts, OnnxTensorFacts, OnnxValueFacts } from './onnx-model.ts';
import { readOnnxModel } from './onnx-reader.ts';

/** What a registry can show of a model that passed. */
export interface GateReport {
  readonly irVersion: number;
  readonly producer: string;
  /** By domain, the standard one being ''. */
  readonly opsets: Readonly<Record<string, number>>;
  /** How often each operator occurs, `domain:Operator` outside of the standard domain, in all graphs and functions. */
  readonly operators: Readonly<Record<string, number>>;
  /** With functions written out. */
  readonly nodeCount: number;
  /** Dense bytes of the constants in the file. */
  readonly initializerBytes: number;
  /** Bytes that operators make of constants alone. */
  readonly declaredBytes: number;
  readonly flags: readonly GateFlag[];
}

const refused = (message: string): ModelError => new ModelError('MODEL_GATE_REFUSED', message);
const quoted = (name: string): string => JSON.stringify(name.slice(0, 80));
const label = ({ domain, operator, name }: OnnxNodeFacts): string =>
  `${domain === '' ? '' : `${domain}:`}${operator}${name === '' ? '' : ` ${quoted(name)}`}`;

const checkVersions = ({ irVersion, opsets, hasTraining }: OnnxModelFacts): void => {
  if (irVersion < 1 || irVersion > MAX_IR_VERSION)
    throw refused(`IR version ${irVersion} is not between 1 and ${MAX_IR_VERSION}; export with another onnx version.`);
  const limits = { [STANDARD_DOMAIN]: MAX_OPSET, [ML_DOMAIN]: MAX_ML_OPSET };
  for (const [domain, most] of Object.entries(limits)) {
    const version = opsets[domain];
    if (version !== undefined && (version < 1 || version > most))
      throw refused(
        `Operator set ${domain || 'ai.onnx'} ${version} is not between 1 and ${most}; export with another.`,
      );
  }
  if (hasTraining) throw refused('The file carries training information; export it for inference.');
};

const flagOf = (node: OnnxNodeFacts, { functions }: GraphCollection): GateFlag | null => {
  if (functions.has(`${node.domain}:${node.operator}`)) return 'local-functions';
  if (node.domain === VENDOR_DOMAIN) return 'vendor-operators';
  if (node.domain !== STANDARD_DOMAIN && node.domain !== ML_DOMAIN)
    throw refused(`${label(node)} is of an unknown operator domain; use ai.onnx or ai.onnx.ml.`);
  return node.domain === STANDARD_DOMAIN && CONTROL_FLOW.has(node.operator) ? 'control-flow' : null;
};

const findFlags = (collection: GraphCollection, allow: readonly GateFlag[]): GateFlag[] => {
  const flags = new Map<GateFlag, OnnxNodeFacts>();
  for (const node of collection.nodes) {
    const flag = flagOf(node, collection);
    if (flag !== null && !flags.has(flag)) flags.set(flag, node);
  }
  for (const [flag, node] of flags)
    if (!allow.includes(flag))
      throw refused(
        `${label(node)} needs "${flag}" in gate.allow of the manifest; add it if the model is trusted so far.`,
      );
  return [...flags.keys()].sort();
};

const checkDistinct = (what: string, names: readonly string[]): void => {
  const seen = new Set<string>();
  for (const name of names) {
    if (name !== '' && seen.has(name)) throw refused(`${what} ${quoted(name)} is there twice; export the model again.`);
    seen.add(name);
  }
};

const checkNames = ({ inputs, outputs, initializers, nodes }: OnnxGraphFacts): void => {
  checkDistinct(
    'The graph input',
    inputs.map(({ name }) => name),
  );
  checkDistinct(
    'The graph output',
    outputs.map(({ name }) => name),
  );
  checkDistinct(
    'The initializer',
    initializers.map(({ name }) => name),
  );
  checkDistinct(
    'A value written by a node:',
    nodes.flatMap((node) => node.outputs),
  );
};

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`;

/** Also of strings, by what they hold. */
const denseBytes = ({ shape, dataType, heldBytes }: OnnxTensorFacts): number =>
  Math.max(bytesOf(elementsOf(shape), dataType), heldBytes);

const sumOfConstants = ({ tensors, sparseTensors }: GraphCollection): number => {
  const external = tensors.find(({ isExternal }) => isExternal);
  if (external !== undefined)
    throw refused(`The tensor ${quoted(external.name)} lies in another file; put all weights into the model file.`);
  const dense = tensors.reduce((sum, tensor) => sum + denseBytes(tensor), 0);
  return sparseTensors.reduce(
    (sum, { shape, values }) => sum + bytesOf(elementsOf(shape), values?.dataType ?? 1),
    dense,
  );
};

const checkSizes = (sizes: readonly DeclaredSize[], initializerBytes: number, memoryMb: number): number => {
  const most = memoryMb * 1_048_576;
  const tooLarge = (what: string, bytes: number): ModelError =>
    new ModelError(
      'MODEL_TOO_LARGE',
      `${what} ${megabytes(bytes)} where the manifest allows ${memoryMb} MB; raise resources.memoryMb or shrink it.`,
    );
  if (initializerBytes > most) throw tooLarge('The constants of the model take', initializerBytes);
  const largest = sizes.find(({ bytes }) => !(bytes <= most));
  if (largest !== undefined) throw tooLarge(`${label(largest.node)} makes at least`, largest.bytes);
  const declared = sizes.filter(({ isConstant }) => isConstant).reduce((sum, { bytes }) => sum + bytes, 0);
  if (initializerBytes + declared > most) throw tooLarge('Constants unfold to', initializerBytes + declared);
  return declared;
};

const DATATYPES: Readonly<Record<string, Datatype>> = {
  FLOAT: 'FP32',
  DOUBLE: 'FP64',
  FLOAT16: 'FP16',
  STRING: 'BYTES',
  ...Object.fromEntries(
    (['BOOL', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'INT8', 'INT16', 'INT32', 'INT64'] as const).map((name) => [
      name,
      name,
    ]),
  ),
};

/** As the wire has it; what the file leaves open is taken from the declared one and left to the engine. */
const specOf = (
  { name, kind, dataType, shape }: OnnxValueFacts,
  declared: readonly TensorSpec[],
): TensorSpec | null => {
  const wanted = declared.find((spec) => spec.name === name);
  if (kind === null) return wanted ?? null;
  const datatype = kind === 'tensor' ? DATATYPES[elementName(dataType)] : undefined;
  if (datatype === undefined) {
    if (wanted === undefined) return null;
    const type = kind === 'tensor' ? elementName(dataType) : 'no tensor';
    throw new ModelError('MODEL_SIGNATURE_MISMATCH', `${name} is ${type}, which has no datatype on the wire`);
  }
  return { name, datatype, shape: [...(shape ?? wanted?.shape ?? [])] };
};

/** An input that has an initializer need not be given. */
const checkAgainst = ({ inputs, outputs, initializers }: OnnxGraphFacts, signature: GateRules['signature']): void => {
  const optional = new Set(initializers.map(({ name }) => name));
  const needed = inputs.filter(({ name }) => !optional.has(name));
  const untyped = needed.find(({ name }) => signature.inputs.every((spec) => spec.name !== name));
  if (untyped !== undefined)
    throw new ModelError('MODEL_SIGNATURE_MISMATCH', `The model wants an input ${untyped.name} the manifest lacks`);
  checkSignature(
    {
      inputs: needed.flatMap((value) => specOf(value, signature.inputs) ?? []),
      outputs: outputs.flatMap((value) => specOf(value, signature.outputs) ?? []),
    },
    signature,
  );
};

const histogram = (nodes: readonly OnnxNodeFacts[]): Record<string, number> => {
  const counts = new Map<string, number>();
  for (const { domain, operator } of nodes) {
    const name = domain === '' ? operator : `${domain}:${operator}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** Throws MODEL_GATE_REFUSED, MODEL_TOO_LARGE, MODEL_SIGNATURE_MISMATCH; the message names the thing and the remedy. */
export const checkOnnxModel = (model: OnnxModelFacts, rules: GateRules): GateReport => {
  checkVersions(model);
  const collection = collectGraphs(model);
  if (collection.nodeCount > MAX_NODES)
    throw refused(`The model has ${collection.nodeCount} nodes, at most ${MAX_NODES}; simplify the graph.`);
  const flags = findFlags(collection, rules.allow);
  for (const graph of collection.graphs) checkNames(graph);
  const initializerBytes = sumOfConstants(collection);
  const declaredBytes = checkSizes(declaredSizes(collection.scopes), initializerBytes, rules.memoryMb);
  checkAgainst(model.graph, rules.signature);
  const { irVersion, producer, opsets } = model;
  const counts = { operators: histogram(collection.nodes), nodeCount: collection.nodeCount };
  return { irVersion, producer, opsets, ...counts, initializerBytes, declaredBytes, flags };
};

/** Reads and decides. Throws also MODEL_MALFORMED. */
export const passGate = (bytes: Uint8Array, rules: GateRules): GateReport =>
  checkOnnxModel(readOnnxModel(bytes), rules);
