/** Rules and hand-made protobuf for tests of the gate. */
import { passGate, type GateFlag, type GateReport, type GateRules } from '@shoal/models';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../../train/onnx-writer.ts';
import { writeOnnx } from '../../train/onnx-writer.ts';

export const rules = (patch: Partial<GateRules> = {}): GateRules => ({
  signature: {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
    outputs: [{ name: 'score', datatype: 'FP32', shape: [-1, 1] }],
    nonFiniteInputs: 'refuse',
    nonFiniteOutputs: 'refuse',
  },
  memoryMb: 16,
  allow: [],
  ...patch,
});

export const gate = (model: Uint8Array, allow: readonly GateFlag[] = []): GateReport =>
  passGate(model, rules({ allow }));

export const sizes = (...values: number[]): OnnxTensor => ({ element: 'INT64', shape: [values.length], values });
export const number = (value: number): OnnxTensor => ({ element: 'FP32', shape: [], values: [value] });
export const integer = (value: number): OnnxTensor => ({ element: 'INT64', shape: [], values: [value] });

/** x -> score through these nodes. */
export const model = (
  nodes: readonly OnnxNode[],
  initializers: Readonly<Record<string, OnnxTensor>> = {},
  patch: Partial<OnnxGraph> = {},
): Uint8Array =>
  writeOnnx({
    name: 'g',
    inputs: [{ name: 'x', element: 'FP32', shape: ['n', 1] }],
    outputs: [{ name: 'score', element: 'FP32', shape: ['n', 1] }],
    nodes,
    initializers,
    ...patch,
  });

export const IDENTITY: OnnxNode = { op: 'Identity', inputs: ['x'], outputs: ['score'] };

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
/** A length-delimited field. */
export const chunk = (field: number, content: Uint8Array | string): Uint8Array => {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(bytes.length)]), bytes]);
};
export const whole = (field: number, value: number): Uint8Array =>
  Uint8Array.from([...varint(field * 8), ...varint(value)]);

/** IR 9, opset 18 and this graph. */
export const wrap = (graph: readonly Uint8Array[], rest: readonly Uint8Array[] = []): Uint8Array =>
  Buffer.concat([whole(1, 9), chunk(7, Buffer.concat(graph)), chunk(8, whole(2, 18)), ...rest]);

const valueInfo = (name: string): Uint8Array => {
  const dimension = (content: Uint8Array): Uint8Array => chunk(1, content);
  const shape = Buffer.concat([dimension(chunk(2, 'n')), dimension(whole(1, 1))]);
  return Buffer.concat([chunk(1, name), chunk(2, chunk(1, Buffer.concat([whole(1, 1), chunk(2, shape)])))]);
};

const nodeBody = (op: string, inputs: string[], outputs: string[], rest: Uint8Array[]): Uint8Array =>
  Buffer.concat([
    ...inputs.map((name) => chunk(1, name)),
    ...outputs.map((name) => chunk(2, name)),
    chunk(4, op),
    ...rest,
  ]);

/** In a graph. */
export const node = (op: string, inputs: string[], outputs: string[], rest: Uint8Array[] = []): Uint8Array =>
  chunk(1, nodeBody(op, inputs, outputs, rest));

/** In a function. */
export const functionNode = (op: string, inputs: string[], outputs: string[], rest: Uint8Array[] = []): Uint8Array =>
  chunk(7, nodeBody(op, inputs, outputs, rest));

/** x and score as the rules want them. */
export const ENDS: readonly Uint8Array[] = [chunk(11, valueInfo('x')), chunk(12, valueInfo('score'))];
