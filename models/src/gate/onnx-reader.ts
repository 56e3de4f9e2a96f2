/**
 * Reads what an ONNX file declares from its bytes, before any runtime does (field numbers: onnx.proto3 of IR 13). Work is linear
 * in the length of the file; depth and the number of parts are bounded; weights are skipped.
 */
import { ModelError } from '../errors.ts';
import type {
  OnnxAttributeFacts,
  OnnxFunctionFacts,
  OnnxGraphFacts,
  OnnxModelFacts,
  OnnxNodeFacts,
  OnnxValueFacts,
} from './onnx-model.ts';
import { PartsReader } from './onnx-parts.ts';
import { readSparseTensor, readTensor } from './onnx-tensor-reader.ts';
import { malformed, type Field } from './protobuf-walk.ts';

/** Graphs inside attributes inside graphs. */
const MAX_DEPTH = 32;
/** Enough for shapes, paddings and steps. */
const MAX_INTEGERS = 64;

const readDimension = (reader: PartsReader, field: Field): number => {
  let size = -1;
  for (const part of reader.fields(field)) {
    if (part.number === 1) size = Math.max(-1, reader.integer(part));
    else if (part.number === 2) size = -1;
  }
  return size;
};

const readShape = (reader: PartsReader, field: Field): number[] => {
  const sizes: number[] = [];
  for (const part of reader.fields(field))
    if (part.number === 1) sizes.push(readDimension(reader, reader.message(part)));
  return sizes;
};

/** TypeProto: tensor_type 1 { elem_type 1, shape 2 }; sequence 4, map 5, opaque 7, sparse tensor 8, optional 9. */
const readType = (reader: PartsReader, field: Field): Pick<OnnxValueFacts, 'kind' | 'dataType' | 'shape'> => {
  let kind: OnnxValueFacts['kind'] = null;
  let dataType = 0;
  let shape: number[] | null = null;
  const once = reader.singles('a type');
  for (const part of reader.fields(field)) {
    if (![1, 4, 5, 7, 8, 9].includes(part.number)) continue;
    once(1);
    kind = part.number === 1 ? 'tensor' : 'other';
    if (kind === 'other') continue;
    for (const inner of reader.fields(reader.message(part))) {
      if (inner.number === 1) dataType = reader.integer(inner);
      else if (inner.number === 2) {
        once(2);
        shape = readShape(reader, reader.message(inner));
      }
    }
  }
  return { kind, dataType, shape };
};

/** ValueInfoProto: name 1, type 2. */
const readValue = (reader: PartsReader, field: Field): OnnxValueFacts => {
  let name = '';
  let type: ReturnType<typeof readType> = { kind: null, dataType: 0, shape: null };
  const once = reader.singles('a value');
  for (const part of reader.fields(field)) {
    if (part.number === 1) name = reader.text(part);
    else if (part.number === 2) {
      once(2);
      type = readType(reader, reader.message(part));
    }
  }
  return { name, ...type };
};

/** AttributeProto: name 1, f 2, i 3, t 5, g 6, floats 7, ints 8, tensors 10, graphs 11, sparse_tensor 22, sparse_tensors 23. */
const readAttribute = (reader: PartsReader, field: Field, depth: number): OnnxAttributeFacts => {
  const found = { name: '', float: null as number | null, integer: null as number | null };
  const integers: number[] = [];
  const floats: number[] = [];
  const tensors: OnnxAttributeFacts['tensors'][number][] = [];
  const sparseTensors: OnnxAttributeFacts['sparseTensors'][number][] = [];
  const graphs: OnnxGraphFacts[] = [];
  const once = reader.singles('an attribute');
  for (const part of reader.fields(field)) {
    if ([5, 6, 22].includes(part.number)) once(part.number);
    if (part.number === 1) found.name = reader.text(part);
    else if (part.number === 2) found.float = reader.float(part);
    else if (part.number === 3) found.integer = reader.integer(part);
    else if (part.number === 7) reader.floats(part, floats, MAX_INTEGERS);
    else if (part.number === 8) reader.integers(part, integers, MAX_INTEGERS);
    else if (part.number === 5 || part.number === 10) tensors.push(readTensor(reader, reader.message(part)));
    else if (part.number === 6 || part.number === 11) graphs.push(readGraph(reader, reader.message(part), depth + 1));
    else if (part.number === 22 || part.number === 23)
      sparseTensors.push(readSparseTensor(reader, reader.message(part)));
  }
  return { ...found, integers, floats, tensors, sparseTensors, graphs };
};

/** NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. */
const readNode = (reader: PartsReader, field: Field, depth: number): OnnxNodeFacts => {
  const found = { name: '', operator: '', domain: '' };
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: OnnxAttributeFacts[] = [];
  for (const part of reader.fields(field)) {
    if (part.number === 1) inputs.push(reader.text(part));
    else if (part.number === 2) outputs.push(reader.text(part));
    else if (part.number === 3) found.name = reader.text(part);
    else if (part.number === 4) found.operator = reader.text(part);
    else if (part.number === 5) attributes.push(readAttribute(reader, reader.message(part), depth));
    else if (part.number === 7) found.domain = reader.domain(part);
  }
  return { ...found, inputs, outputs, attributes };
};

/** GraphProto: node 1, name 2, initializer 5, input 11, output 12, sparse_initializer 15. */
const readGraph = (reader: PartsReader, field: Field, depth: number): OnnxGraphFacts => {
  if (depth > MAX_DEPTH)
    throw new ModelError('MODEL_GATE_REFUSED', `Graphs are nested deeper than ${MAX_DEPTH}; flatten the model.`);
  let name = '';
  const nodes: OnnxNodeFacts[] = [];
  const initializers: OnnxGraphFacts['initializers'][number][] = [];
  const sparseInitializers: OnnxGraphFacts['sparseInitializers'][number][] = [];
  const inputs: OnnxValueFacts[] = [];
  const outputs: OnnxValueFacts[] = [];
  for (const part of reader.fields(field)) {
    if (part.number === 1) nodes.push(readNode(reader, reader.message(part), depth));
    else if (part.number === 2) name = reader.text(part);
    else if (part.number === 5) initializers.push(readTensor(reader, reader.message(part)));
    else if (part.number === 11) inputs.push(readValue(reader, reader.message(part)));
    else if (part.number === 12) outputs.push(readValue(reader, reader.message(part)));
    else if (part.number === 15) sparseInitializers.push(readSparseTensor(reader, reader.message(part)));
  }
  return { name, nodes, initializers, sparseInitializers, inputs, outputs };
};

/** FunctionProto: name 1, node 7, domain 10. */
const readFunction = (reader: PartsReader, field: Field): OnnxFunctionFacts => {
  const found = { name: '', domain: '' };
  const nodes: OnnxNodeFacts[] = [];
  for (const part of reader.fields(field)) {
    if (part.number === 1) found.name = reader.text(part);
    else if (part.number === 7) nodes.push(readNode(reader, reader.message(part), 0));
    else if (part.number === 10) found.domain = reader.domain(part);
  }
  return { ...found, nodes };
};

/** OperatorSetIdProto: domain 1, version 2. */
const readOpset = (reader: PartsReader, field: Field): readonly [string, number] => {
  let domain = '';
  let version = 0;
  for (const part of reader.fields(field)) {
    if (part.number === 1) domain = reader.domain(part);
    else if (part.number === 2) version = reader.integer(part);
  }
  return [domain, version];
};

/**
 * ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8, training_info 20, functions 25. Throws MODEL_MALFORMED for
 * bytes that are no such message, MODEL_GATE_REFUSED for one with too many or too deep parts.
 */
export const readOnnxModel = (bytes: Uint8Array): OnnxModelFacts => {
  const reader = new PartsReader(bytes);
  const found = { irVersion: 0, producer: '', hasTraining: false };
  const opsets: (readonly [string, number])[] = [];
  const functions: OnnxFunctionFacts[] = [];
  let graph: OnnxGraphFacts | null = null;
  const once = reader.singles('the model');
  for (const part of reader.whole()) {
    if (part.number === 1) found.irVersion = reader.integer(part);
    else if (part.number === 2) found.producer = reader.text(part);
    else if (part.number === 7) {
      once(7);
      graph = readGraph(reader, reader.message(part), 0);
    } else if (part.number === 8) opsets.push(readOpset(reader, reader.message(part)));
    else if (part.number === 20) found.hasTraining = true;
    else if (part.number === 25) functions.push(readFunction(reader, reader.message(part)));
  }
  if (graph === null) throw malformed('it has no graph');
  return { ...found, opsets: Object.fromEntries(opsets), graph, functions };
};
