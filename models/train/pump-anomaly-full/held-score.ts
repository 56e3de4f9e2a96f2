/** The arithmetic of pump-anomaly-full as an ONNX graph, and the same in plain code for the golden vectors and figures. */
import type { OnnxGraph, OnnxNode, OnnxTensor } from '../onnx-writer.ts';
import { RULES } from '../pump-anomaly/deviation/view.ts';

/** Four minutes at a hop of ten seconds: longer changes no figure of the card. */
export const VECTORS = 24;
/** A change from window to window goes on for a quarter of a hop more. */
const LEAD = 0.25;
/** A fault that was found is over when its score has fallen below this share of the threshold. */
const RELEASE = 0.5;
const WIDTH = RULES.length;

const weigh = (row: readonly number[]): number =>
  Math.max(...RULES.map(({ up, down }, i) => Math.max(up * (row[i] ?? 0), -down * (row[i] ?? 0))));

/**
 * The greatest threshold that is exceeded now by a trigger that switches on above it and off below `RELEASE` of it: over all
 * vectors j back, the least of the score then and of 1 / RELEASE times the least score since. `row`: vectors oldest first.
 */
export const heldScore = (row: readonly number[]): number => {
  const vectors = Array.from({ length: VECTORS }, (_, i) => row.slice(i * WIDTH, (i + 1) * WIDTH));
  const scores = vectors.map((vector, i) => {
    const before = vectors[Math.max(0, i - 1)] ?? vector;
    return weigh(vector.map((value, f) => value + LEAD * (value - (before[f] ?? 0))));
  });
  let least = Infinity;
  let held = -Infinity;
  for (const score of scores.toReversed()) {
    least = Math.min(least, score);
    held = Math.max(held, Math.min(score, least / RELEASE));
  }
  return held;
};

const constant = (values: readonly number[]): OnnxTensor => ({ element: 'FP32', shape: [values.length], values });
const indices = (values: readonly number[]): OnnxTensor => ({ element: 'INT64', shape: [values.length], values });

/** Newest first: the score of vector `s{j}` is cut out, then minimum and maximum run back in time. */
const heldNodes = (): OnnxNode[] =>
  Array.from({ length: VECTORS }, (_, j) => j).flatMap((j) => {
    const least = j === 0 ? 's0' : `least${j}`;
    return [
      { op: 'Gather', inputs: ['scores', `at${j}`], outputs: [`s${j}`], attributes: { axis: { int: 1 } } },
      ...(j === 0 ? [] : [{ op: 'Min', inputs: [j === 1 ? 's0' : `least${j - 1}`, `s${j}`], outputs: [least] }]),
      { op: 'Mul', inputs: [least, 'reach'], outputs: [`reach${j}`] },
      { op: 'Min', inputs: [`s${j}`, `reach${j}`], outputs: [`held${j}`] },
    ];
  });

/** features FP32 [batch, vectors · width] -> score FP32 [batch]. */
export const heldScoreGraph = (): OnnxGraph => ({
  name: 'pump-anomaly-full',
  inputs: [{ name: 'features', element: 'FP32', shape: ['batch', VECTORS * WIDTH] }],
  outputs: [{ name: 'score', element: 'FP32', shape: ['batch'] }],
  nodes: [
    { op: 'Reshape', inputs: ['features', 'shape'], outputs: ['vectors'] },
    { op: 'Gather', inputs: ['vectors', 'earlier'], outputs: ['before'], attributes: { axis: { int: 1 } } },
    { op: 'Sub', inputs: ['vectors', 'before'], outputs: ['change'] },
    { op: 'Mul', inputs: ['change', 'lead'], outputs: ['ahead'] },
    { op: 'Add', inputs: ['vectors', 'ahead'], outputs: ['led'] },
    { op: 'Mul', inputs: ['led', 'up'], outputs: ['above'] },
    { op: 'Mul', inputs: ['led', 'down'], outputs: ['below'] },
    { op: 'Max', inputs: ['above', 'below'], outputs: ['contributions'] },
    { op: 'ReduceMax', inputs: ['contributions', 'last'], outputs: ['scores'], attributes: { keepdims: { int: 0 } } },
    ...heldNodes(),
    { op: 'Max', inputs: Array.from({ length: VECTORS }, (_, j) => `held${j}`), outputs: ['column'] },
    { op: 'Squeeze', inputs: ['column', 'second'], outputs: ['score'] },
  ],
  initializers: {
    shape: indices([-1, VECTORS, WIDTH]),
    earlier: indices(Array.from({ length: VECTORS }, (_, i) => Math.max(0, i - 1))),
    last: indices([2]),
    second: indices([1]),
    lead: constant([LEAD]),
    reach: constant([1 / RELEASE]),
    up: constant(RULES.map(({ up }) => up)),
    down: constant(RULES.map(({ down }) => (down === 0 ? 0 : -down))),
    ...Object.fromEntries(Array.from({ length: VECTORS }, (_, j) => [`at${j}`, indices([VECTORS - 1 - j])])),
  },
});
