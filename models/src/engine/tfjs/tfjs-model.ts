/** A layers or a graph model of TensorFlow.js behind one face: names, types, and one synchronous run. */
import type { GraphModel, LayersModel, Tensor as TfTensor } from '@tensorflow/tfjs';
import type { TensorSpec } from '@shoal/protocol/wire';
import { readTfjsModel, type TfjsModelFile } from '../../gate/tfjs-model-file.ts';
import type { ModelContent } from '../session/model-runtime.ts';
import type { TensorFlow } from './open-tensorflow.ts';
import { datatypeOf } from './tfjs-tensors.ts';

export interface TfjsModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Inside a tidy scope. By name. */
  run(inputs: Readonly<Record<string, TfTensor>>, outputs: readonly string[]): TfTensor[];
  dispose(): void;
}

interface Declared {
  readonly dtype?: string;
  readonly shape?: readonly (number | null)[] | undefined;
}

const freeDimensions = (shape: readonly (number | null)[]): number[] =>
  shape.map((size) => (size === null || size < 0 ? -1 : size));

/** A graph need not say what its outputs are: then the manifest is believed, and every answer is held against it. */
const specOf = (name: string, declared: Declared, claimed: readonly TensorSpec[]): TensorSpec => {
  const claim = claimed.find((spec) => spec.name === name);
  const { dtype, shape } = declared;
  return {
    name,
    datatype: dtype === undefined ? (claim?.datatype ?? 'FP32') : datatypeOf(dtype),
    shape: shape === undefined || shape === null ? (claim?.shape ?? []) : freeDimensions(shape),
  };
};

const layersModel = (model: LayersModel): TfjsModel => {
  // A Sequential knows its names only when it is built.
  if (model.inputNames.length === 0) model.build(model.inputs[0]?.shape ?? []);
  const { inputNames, outputNames } = model;
  const picked = (answer: TfTensor | TfTensor[], wanted: readonly string[]): TfTensor[] => {
    const all = Array.isArray(answer) ? answer : [answer];
    return wanted.map((name) => all[outputNames.indexOf(name)]).filter((tensor) => tensor !== undefined);
  };
  const inputOf = (inputs: Readonly<Record<string, TfTensor>>, name: string): TfTensor => {
    const tensor = inputs[name];
    if (tensor === undefined) throw new TypeError(`The model wants an input ${name}`);
    return tensor;
  };
  return {
    inputs: model.inputs.map((input, i) => specOf(inputNames[i] ?? '', input, [])),
    outputs: model.outputs.map((output, i) => specOf(outputNames[i] ?? '', output, [])),
    run: (inputs, outputs) => {
      const fed = inputNames.map((name) => inputOf(inputs, name));
      return picked(model.predictOnBatch(fed.length === 1 ? (fed[0] as TfTensor) : fed), outputs);
    },
    dispose: () => void model.dispose(),
  };
};

const graphModel = (model: GraphModel, { manifest: { signature } }: ModelContent): TfjsModel => ({
  inputs: model.inputNodes.map((name, i) => specOf(name, model.inputs[i] ?? {}, signature.inputs)),
  outputs: model.outputNodes.map((name, i) => specOf(name, model.outputs[i] ?? {}, signature.outputs)),
  run: (inputs, outputs) => {
    const answer = model.execute({ ...inputs }, [...outputs]);
    return Array.isArray(answer) ? answer : [answer];
  },
  dispose: () => model.dispose(),
});

const joined = (parts: readonly Uint8Array[]): ArrayBuffer => {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.byteLength;
  }
  return all.buffer;
};

/** What TensorFlow.js asks of a place to load from. Training is left out: an optimiser is no part of inference. */
const handlerOf = (file: TfjsModelFile, { weights }: ModelContent) => ({
  load: async () => ({
    modelTopology: file.modelTopology,
    weightSpecs: file.weightsManifest.flatMap((group) => group.weights),
    weightData: joined(file.weightPaths.map((path) => weights.get(path) ?? new Uint8Array(0))),
    ...(file.signature !== undefined && { signature: file.signature }),
  }),
});

/** On the current backend. The content has passed the gate. */
export const loadTfjsModel = async (tf: TensorFlow, content: ModelContent): Promise<TfjsModel> => {
  const file = readTfjsModel(content.manifest, content.model);
  const handler = handlerOf(file, content) as Parameters<TensorFlow['loadGraphModel']>[0];
  if (file.format === 'graph-model') return graphModel(await tf.loadGraphModel(handler), content);
  return layersModel(await tf.loadLayersModel(handler));
};
