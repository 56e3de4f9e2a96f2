/** The trained autoencoder as an ONNX graph, and the same arithmetic in plain code for the golden vectors. */
import { forward, type DenseLayer } from '../dense-network.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx-writer.ts';

export interface Autoencoder {
  /** Per feature: what is subtracted and what it is divided by. */
  readonly mean: Float64Array;
  readonly std: Float64Array;
  readonly network: readonly DenseLayer[];
}

const vector = (values: Float64Array): OnnxTensor => ({
  element: 'FP32',
  shape: [values.length],
  values: Float32Array.from(values),
});

const layerNodes = ({ activation }: DenseLayer, i: number): OnnxNode[] => {
  const linear = activation === 'tanh' ? `linear${i}` : `hidden${i + 1}`;
  const gemm: OnnxNode = { op: 'Gemm', inputs: [`hidden${i}`, `weights${i}`, `bias${i}`], outputs: [linear] };
  return activation === 'tanh' ? [gemm, { op: 'Tanh', inputs: [linear], outputs: [`hidden${i + 1}`] }] : [gemm];
};

const layerTensors = (layer: DenseLayer, i: number): [string, OnnxTensor][] => [
  [`weights${i}`, { element: 'FP32', shape: [layer.inputs, layer.outputs], values: Float32Array.from(layer.weights) }],
  [`bias${i}`, vector(layer.bias)],
];

/** features FP32 [batch, n] -> score FP32 [batch] and contributions FP32 [batch, n], the squared errors it is the mean of. */
export const autoencoderGraph = ({ mean, std, network }: Autoencoder): OnnxGraph => {
  const last = `hidden${network.length}`;
  return {
    name: 'pump-anomaly',
    inputs: [{ name: 'features', element: 'FP32', shape: ['batch', mean.length] }],
    outputs: [
      { name: 'score', element: 'FP32', shape: ['batch'] },
      { name: 'contributions', element: 'FP32', shape: ['batch', mean.length] },
    ],
    nodes: [
      { op: 'Sub', inputs: ['features', 'mean'], outputs: ['centered'] },
      { op: 'Div', inputs: ['centered', 'std'], outputs: ['hidden0'] },
      ...network.flatMap(layerNodes),
      { op: 'Sub', inputs: ['hidden0', last], outputs: ['error'] },
      { op: 'Mul', inputs: ['error', 'error'], outputs: ['contributions'] },
      {
        op: 'ReduceMean',
        inputs: ['contributions', 'axes'],
        outputs: ['score'],
        attributes: { keepdims: { int: 0 } },
      },
    ],
    initializers: {
      mean: vector(mean),
      std: vector(std),
      axes: { element: 'INT64', shape: [1], values: [1] },
      ...Object.fromEntries(network.flatMap(layerTensors)),
    },
  };
};

export const standardise = ({ mean, std }: Pick<Autoencoder, 'mean' | 'std'>, features: Float32Array): Float64Array =>
  Float64Array.from(features, (value, i) => (value - (mean[i] ?? 0)) / (std[i] ?? 1));

/** What the graph computes for one row, in double precision. */
export const autoencoderOutputs = (
  model: Autoencoder,
  features: Float32Array,
): { score: number; contributions: Float64Array } => {
  const input = standardise(model, features);
  const output = forward(model.network, input);
  const contributions = input.map((value, i) => (value - (output[i] ?? 0)) ** 2);
  return { score: contributions.reduce((sum, value) => sum + value, 0) / contributions.length, contributions };
};
