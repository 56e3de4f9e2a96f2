/** A small network of dense layers with hand-written backpropagation and Adam: deterministic, no library. */
import { shuffled, type SeededRandom } from './seeded-random.ts';

/** y = activation(x W + b); `weights` is row-major [inputs, outputs]. */
export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly activation: 'tanh' | 'linear';
  readonly weights: Float64Array;
  readonly bias: Float64Array;
}

export interface TrainingPlan {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
}

/** Glorot and Bengio 2010, uniform. The last layer is linear. */
export const createNetwork = (sizes: readonly number[], random: SeededRandom): DenseLayer[] =>
  sizes.slice(1).map((outputs, i) => {
    const inputs = sizes[i] ?? 0;
    const limit = Math.sqrt(6 / (inputs + outputs));
    const weights = Float64Array.from({ length: inputs * outputs }, () => (2 * random.next() - 1) * limit);
    const activation = i === sizes.length - 2 ? 'linear' : 'tanh';
    return { inputs, outputs, activation, weights, bias: new Float64Array(outputs) };
  });

const applyLayer = (layer: DenseLayer, input: Float64Array): Float64Array => {
  const output = layer.bias.slice();
  for (let i = 0; i < layer.inputs; i += 1) {
    const value = input[i] ?? 0;
    for (let o = 0; o < layer.outputs; o += 1)
      output[o] = (output[o] ?? 0) + value * (layer.weights[i * layer.outputs + o] ?? 0);
  }
  return layer.activation === 'tanh' ? output.map(Math.tanh) : output;
};

/** Activations of every layer, the input first. */
const activations = (network: readonly DenseLayer[], input: Float64Array): Float64Array[] => {
  const values = [input];
  for (const layer of network) values.push(applyLayer(layer, values.at(-1) ?? input));
  return values;
};

export const forward = (network: readonly DenseLayer[], input: Float64Array): Float64Array =>
  network.reduce((value, layer) => applyLayer(layer, value), input);

/** Weights and bias of one layer, with their gradient and Adam's two moments. */
interface Parameters {
  readonly values: Float64Array;
  readonly gradient: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

interface LayerParameters {
  readonly weights: Parameters;
  readonly bias: Parameters;
}

const parametersOf = (values: Float64Array): Parameters => {
  const [gradient, first, second] = [0, 0, 0].map(() => new Float64Array(values.length));
  return { values, gradient: gradient ?? values, first: first ?? values, second: second ?? values };
};

/** Adds the layer's gradient for one row and returns the error at its input. */
const backLayer = (
  layer: DenseLayer,
  parameters: LayerParameters,
  input: Float64Array,
  error: Float64Array,
): Float64Array => {
  const back = new Float64Array(layer.inputs);
  const { gradient } = parameters.weights;
  for (let i = 0; i < layer.inputs; i += 1) {
    let sum = 0;
    for (let o = 0; o < layer.outputs; o += 1) {
      const at = i * layer.outputs + o;
      gradient[at] = (gradient[at] ?? 0) + (input[i] ?? 0) * (error[o] ?? 0);
      sum += (layer.weights[at] ?? 0) * (error[o] ?? 0);
    }
    back[i] = sum;
  }
  error.forEach((value, o) => (parameters.bias.gradient[o] = (parameters.bias.gradient[o] ?? 0) + value));
  return back;
};

/** A row and what the network should answer. */
export interface Example {
  readonly input: Float64Array;
  readonly target: Float64Array;
}

/** The gradient of the loss by the output of the last, linear layer. */
type OutputError = (output: Float64Array, target: Float64Array) => Float64Array;

/** Of the mean squared error. */
const squaredError: OutputError = (output, target) =>
  output.map((value, i) => (2 * (value - (target[i] ?? 0))) / target.length);

export const softmax = (logits: Float64Array): Float64Array => {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
};

/** Of the cross entropy of the softmax of the output (Bishop 2006, 5.3.1). */
const crossEntropyError: OutputError = (output, target) => softmax(output).map((share, i) => share - (target[i] ?? 0));

/** Adds the gradient of one example. */
const backExample = (
  network: readonly DenseLayer[],
  parameters: readonly LayerParameters[],
  { input: row, target }: Example,
  errorOf: OutputError,
): void => {
  const values = activations(network, row);
  let error = errorOf(values.at(-1) ?? row, target);
  for (let l = network.length - 1; l >= 0; l -= 1) {
    const [layer, own, input, activated] = [network[l], parameters[l], values[l], values[l + 1]];
    if (layer === undefined || own === undefined || input === undefined || activated === undefined) continue;
    if (layer.activation === 'tanh') error = error.map((value, o) => value * (1 - (activated[o] ?? 0) ** 2));
    error = backLayer(layer, own, input, error);
  }
};

/** Kingma and Ba 2015, with their defaults for the moments; clears the gradient. */
const adamStep = (parameters: Parameters, rate: number, step: number): void => {
  const { values, gradient, first, second } = parameters;
  for (let i = 0; i < values.length; i += 1) {
    const g = gradient[i] ?? 0;
    const m = (first[i] = 0.9 * (first[i] ?? 0) + 0.1 * g);
    const v = (second[i] = 0.999 * (second[i] ?? 0) + 0.001 * g * g);
    const corrected = m / (1 - 0.9 ** step) / (Math.sqrt(v / (1 - 0.999 ** step)) + 1e-8);
    values[i] = (values[i] ?? 0) - rate * corrected;
    gradient[i] = 0;
  }
};

/** In place, with a learning rate that falls as a half cosine. */
const train = (
  network: readonly DenseLayer[],
  examples: readonly Example[],
  plan: TrainingPlan & { readonly errorOf: OutputError },
  random: SeededRandom,
): void => {
  const parameters = network.map(({ weights, bias }) => ({ weights: parametersOf(weights), bias: parametersOf(bias) }));
  const steps = plan.epochs * Math.ceil(examples.length / plan.batchSize);
  let step = 0;
  for (let epoch = 0; epoch < plan.epochs; epoch += 1) {
    const order = shuffled(examples, random);
    for (let start = 0; start < order.length; start += plan.batchSize) {
      const batch = order.slice(start, start + plan.batchSize);
      for (const example of batch) backExample(network, parameters, example, plan.errorOf);
      step += 1;
      const rate = (plan.learningRate / batch.length) * 0.5 * (1 + Math.cos((Math.PI * step) / steps));
      for (const { weights, bias } of parameters) {
        adamStep(weights, rate * batch.length, step);
        adamStep(bias, rate * batch.length, step);
      }
    }
  }
};

/** Trains in place to reproduce `rows`. */
export const trainAutoencoder = (
  network: readonly DenseLayer[],
  rows: readonly Float64Array[],
  plan: TrainingPlan,
  random: SeededRandom,
): void =>
  train(
    network,
    rows.map((row) => ({ input: row, target: row })),
    { ...plan, errorOf: squaredError },
    random,
  );

/** Trains in place so that the softmax of the output is the probability of each class; a target has one 1. */
export const trainClassifier = (
  network: readonly DenseLayer[],
  examples: readonly Example[],
  plan: TrainingPlan,
  random: SeededRandom,
): void => train(network, examples, { ...plan, errorOf: crossEntropyError }, random);

/** Trains in place so that the output is near the target of each example. */
export const trainRegression = (
  network: readonly DenseLayer[],
  examples: readonly Example[],
  plan: TrainingPlan,
  random: SeededRandom,
): void => train(network, examples, { ...plan, errorOf: squaredError }, random);
