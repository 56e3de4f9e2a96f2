/** Writes a network of dense layers as a layers model of TensorFlow.js: model.json and one file of weights. */
import type { DenseLayer } from './dense-network.ts';

export interface LayersModelFiles {
  readonly modelJson: Uint8Array;
  readonly weights: Uint8Array;
}

export interface LayersModelNames {
  readonly model: string;
  readonly input: string;
  /** Of the last layer, which is a softmax. */
  readonly output: string;
  readonly weightsFile: string;
}

const layerConfig = (name: string, { activation, outputs }: DenseLayer, isLast: boolean) => ({
  class_name: 'Dense',
  config: { name, units: outputs, activation: isLast ? 'softmax' : activation, use_bias: true, dtype: 'float32' },
});

const floats = (values: Float64Array): Uint8Array => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeFloatLE(value, i * 4));
  return bytes;
};

/** Any tensor is float32, little-endian, row-major, in the order of the manifest. */
export const writeLayersModel = (network: readonly DenseLayer[], names: LayersModelNames): LayersModelFiles => {
  const named = network.map((layer, i) => {
    const isLast = i === network.length - 1;
    return { layer, isLast, name: isLast ? names.output : `hidden${i + 1}` };
  });
  const input = {
    name: names.input,
    batch_input_shape: [null, network[0]?.inputs ?? 0],
    dtype: 'float32',
    sparse: false,
  };
  const layers = [
    { class_name: 'InputLayer', config: input },
    ...named.map(({ layer, name, isLast }) => layerConfig(name, layer, isLast)),
  ];
  const weights = named.flatMap(({ layer, name }) => [
    { name: `${name}/kernel`, shape: [layer.inputs, layer.outputs], dtype: 'float32' },
    { name: `${name}/bias`, shape: [layer.outputs], dtype: 'float32' },
  ]);
  const file = {
    format: 'layers-model',
    modelTopology: { class_name: 'Sequential', config: { name: names.model, layers } },
    weightsManifest: [{ paths: [names.weightsFile], weights }],
  };
  return {
    modelJson: Buffer.from(`${JSON.stringify(file, null, 1)}\n`, 'utf8'),
    weights: Buffer.concat(network.flatMap((layer) => [floats(layer.weights), floats(layer.bias)])),
  };
};
