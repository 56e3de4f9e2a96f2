/** The arithmetic of pump-health as an ONNX graph, and the same in plain code for the golden vectors and figures. */
import { forward, type DenseLayer } from '../dense-network.ts';
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx-writer.ts';

export interface HealthModel {
  /** Per level: what is subtracted and what it is divided by. */
  readonly mean: Float64Array;
  readonly std: Float64Array;
  /** Levels to wear: 0 new, 1 worn out. */
  readonly network: readonly DenseLayer[];
}

export interface Health {
  readonly health: number;
  readonly daysToThreshold: number;
}

/** Health at which a visit is to be planned. */
export const THRESHOLD = 0.5;
/** Beyond that nothing is said. */
export const LONGEST_DAYS = 90;
/** A difference between day and week that rooms and instruments make alone. */
const NOISE = 0.03;
/** With so little between the middles of day and week a trend is noise. */
const LEAST_GAP_DAYS = 0.5;
const LEAST_RATE = 0.001;

/**
 * Wear of the day and wear of the week differ by what it grew between their middles: half of the days of data but one. The day
 * is in its middle half a day old.
 */
export const healthOf = ({ mean, std, network }: HealthModel, row: readonly number[]): Health => {
  const width = mean.length;
  const wear = (from: number): number =>
    forward(
      network,
      mean.map((center, i) => ((row[from + i] ?? 0) - center) / (std[i] ?? 1)),
    )[0] ?? 0;
  const [day, week] = [wear(0), wear(width)];
  const days = (row[2 * width + 1] ?? 0) / Math.max(row[2 * width] ?? 0, 1);
  const rate = Math.max(day - week - NOISE, 0) / Math.max((days - 1) / 2, LEAST_GAP_DAYS);
  const health = 1 - Math.min(1, Math.max(0, day + rate / 2));
  const left = (health - THRESHOLD) / Math.max(rate, LEAST_RATE);
  return { health, daysToThreshold: Math.min(LONGEST_DAYS, Math.max(0, left)) };
};

const constant = (...values: number[]): OnnxTensor => ({ element: 'FP32', shape: [values.length], values });
const vector = (values: Float64Array): OnnxTensor => constant(...values);
const indices = (...values: number[]): OnnxTensor => ({ element: 'INT64', shape: [values.length], values });

/** Both spans go through the same weights. */
const wearNodes = (network: readonly DenseLayer[], of: 'day' | 'week'): OnnxNode[] => [
  { op: 'Gather', inputs: ['features', `${of}Columns`], outputs: [`${of}Levels`], attributes: { axis: { int: 1 } } },
  { op: 'Sub', inputs: [`${of}Levels`, 'mean'], outputs: [`${of}Centered`] },
  { op: 'Div', inputs: [`${of}Centered`, 'std'], outputs: [`${of}0`] },
  ...network.flatMap(({ activation }, i): OnnxNode[] => {
    const linear = activation === 'tanh' ? `${of}Linear${i}` : `${of}${i + 1}`;
    const gemm: OnnxNode = { op: 'Gemm', inputs: [`${of}${i}`, `weights${i}`, `bias${i}`], outputs: [linear] };
    return activation === 'tanh' ? [gemm, { op: 'Tanh', inputs: [linear], outputs: [`${of}${i + 1}`] }] : [gemm];
  }),
];

const binary = (op: 'Sub' | 'Div' | 'Max' | 'Min' | 'Mul' | 'Add', a: string, b: string, output: string): OnnxNode => ({
  op,
  inputs: [a, b],
  outputs: [output],
});

/** features FP32 [batch, 2 levels + 2] -> health FP32 [batch], daysToThreshold FP32 [batch]. */
export const healthGraph = ({ mean, std, network }: HealthModel): OnnxGraph => {
  const width = mean.length;
  const last = network.length;
  return {
    name: 'pump-health',
    inputs: [{ name: 'features', element: 'FP32', shape: ['batch', 2 * width + 2] }],
    outputs: ['health', 'daysToThreshold'].map((name) => ({ name, element: 'FP32', shape: ['batch'] })),
    nodes: [
      ...wearNodes(network, 'day'),
      ...wearNodes(network, 'week'),
      ...['readingsDay', 'readings'].map((name): OnnxNode => ({
        op: 'Gather',
        inputs: ['features', `${name}Column`],
        outputs: [name],
        attributes: { axis: { int: 1 } },
      })),
      binary('Max', 'readingsDay', 'one', 'readingsLeast'),
      binary('Div', 'readings', 'readingsLeast', 'days'),
      binary('Sub', 'days', 'one', 'between'),
      binary('Mul', 'between', 'half', 'middle'),
      binary('Max', 'middle', 'leastGap', 'gap'),
      binary('Sub', `day${last}`, `week${last}`, 'grown'),
      binary('Sub', 'grown', 'noise', 'beyondNoise'),
      binary('Max', 'beyondNoise', 'zero', 'growth'),
      binary('Div', 'growth', 'gap', 'rate'),
      binary('Mul', 'rate', 'half', 'sinceMiddle'),
      binary('Add', `day${last}`, 'sinceMiddle', 'wear'),
      binary('Max', 'wear', 'zero', 'wearFromNew'),
      binary('Min', 'wearFromNew', 'one', 'wearHeld'),
      binary('Sub', 'one', 'wearHeld', 'healthColumn'),
      binary('Sub', 'healthColumn', 'threshold', 'margin'),
      binary('Max', 'rate', 'leastRate', 'rateHeld'),
      binary('Div', 'margin', 'rateHeld', 'left'),
      binary('Max', 'left', 'zero', 'leftHeld'),
      binary('Min', 'leftHeld', 'longest', 'daysColumn'),
      { op: 'Squeeze', inputs: ['healthColumn', 'second'], outputs: ['health'] },
      { op: 'Squeeze', inputs: ['daysColumn', 'second'], outputs: ['daysToThreshold'] },
    ],
    initializers: {
      mean: vector(mean),
      std: vector(std),
      dayColumns: indices(...mean.keys()),
      weekColumns: indices(...Array.from(mean.keys(), (i) => width + i)),
      readingsDayColumn: indices(2 * width),
      readingsColumn: indices(2 * width + 1),
      second: indices(1),
      zero: constant(0),
      half: constant(0.5),
      one: constant(1),
      noise: constant(NOISE),
      leastGap: constant(LEAST_GAP_DAYS),
      leastRate: constant(LEAST_RATE),
      threshold: constant(THRESHOLD),
      longest: constant(LONGEST_DAYS),
      ...Object.fromEntries(
        network.flatMap((layer, i): [string, OnnxTensor][] => [
          [
            `weights${i}`,
            { element: 'FP32', shape: [layer.inputs, layer.outputs], values: Float32Array.from(layer.weights) },
          ],
          [`bias${i}`, vector(layer.bias)],
        ]),
      ),
    },
  };
};
