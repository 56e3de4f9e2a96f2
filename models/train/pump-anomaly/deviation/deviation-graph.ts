/** The network of version 1.1.0 as an ONNX graph, and the same arithmetic in plain code for the golden vectors. */
import type { OnnxGraph, OnnxTensor } from '../../onnx-writer.ts';
import type { Rule } from './view.ts';

const vector = (values: readonly number[]): OnnxTensor => ({ element: 'FP32', shape: [values.length], values });

/**
 * features FP32 [batch, n], deviations in tolerances -> contributions FP32 [batch, n], each max(up · x, -down · x), and
 * score FP32 [batch], the greatest of them.
 */
export const deviationGraph = (rules: readonly Rule[]): OnnxGraph => ({
  name: 'pump-anomaly',
  inputs: [{ name: 'features', element: 'FP32', shape: ['batch', rules.length] }],
  outputs: [
    { name: 'score', element: 'FP32', shape: ['batch'] },
    { name: 'contributions', element: 'FP32', shape: ['batch', rules.length] },
  ],
  nodes: [
    { op: 'Mul', inputs: ['features', 'up'], outputs: ['above'] },
    { op: 'Mul', inputs: ['features', 'down'], outputs: ['below'] },
    { op: 'Max', inputs: ['above', 'below'], outputs: ['contributions'] },
    {
      op: 'ReduceMax',
      inputs: ['contributions', 'axes'],
      outputs: ['score'],
      attributes: { keepdims: { int: 0 } },
    },
  ],
  initializers: {
    up: vector(rules.map(({ up }) => up)),
    down: vector(rules.map(({ down }) => (down === 0 ? 0 : -down))),
    axes: { element: 'INT64', shape: [1], values: [1] },
  },
});

/** What the graph computes for one row, in double precision. */
export const deviationOutputs = (
  rules: readonly Rule[],
  features: Iterable<number>,
): { score: number; contributions: number[] } => {
  const row = [...features];
  const contributions = rules.map(({ up, down }, i) => Math.max(up * (row[i] ?? 0), -down * (row[i] ?? 0)));
  return { score: Math.max(...contributions), contributions };
};
