/** Real ONNX files that misbehave in one way each, and some that do not. */
import { writeOnnx, type OnnxGraph, type OnnxNode, type OnnxTensor } from '../train/onnx-writer.ts';

export const scalar = (element: OnnxTensor['element'], value: number): OnnxTensor => ({
  element,
  shape: [],
  values: [value],
});
export const vector = (element: OnnxTensor['element'], values: number[]): OnnxTensor => ({
  element,
  shape: [values.length],
  values,
});

/** x FP32 [batch, 1] -> score FP32 [batch, 1]. */
export const graph = (nodes: OnnxNode[], initializers: Record<string, OnnxTensor>): OnnxGraph => ({
  name: 'hostile',
  inputs: [{ name: 'x', element: 'FP32', shape: ['batch', 1] }],
  outputs: [{ name: 'score', element: 'FP32', shape: ['batch', 1] }],
  nodes,
  initializers,
});

/** score = 2 x. */
export const DOUBLING = writeOnnx(
  graph([{ op: 'Mul', inputs: ['x', 'two'], outputs: ['score'] }], { two: scalar('FP32', 2) }),
);

const loopBody: OnnxGraph = {
  name: 'body',
  inputs: [
    { name: 'turn', element: 'INT64', shape: [] },
    { name: 'goOn', element: 'BOOL', shape: [] },
    { name: 'carried', element: 'FP32', shape: ['batch', 1] },
  ],
  outputs: [
    { name: 'goOnOut', element: 'BOOL', shape: [] },
    { name: 'carriedOut', element: 'FP32', shape: ['batch', 1] },
  ],
  nodes: [
    { op: 'Identity', inputs: ['goOn'], outputs: ['goOnOut'] },
    { op: 'Identity', inputs: ['carried'], outputs: ['carriedOut'] },
  ],
};

const loopNodes = (before: OnnxNode[]): OnnxNode[] => [
  ...before,
  { op: 'Loop', inputs: ['turns', 'yes', 'x'], outputs: ['looped'], attributes: { body: { graph: loopBody } } },
  { op: 'Mul', inputs: ['looped', 'two'], outputs: ['score'] },
];

const LOOP_TENSORS = { yes: scalar('BOOL', 1), two: scalar('FP32', 2) };

/** As DOUBLING, but turns for about an hour where the largest input is above 1000. */
export const HANGING_ABOVE_1000 = writeOnnx(
  graph(
    loopNodes([
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: { int: 0 } } },
      { op: 'Greater', inputs: ['largest', 'limit'], outputs: ['big'] },
      { op: 'Where', inputs: ['big', 'hour', 'once'], outputs: ['turns'] },
    ]),
    { ...LOOP_TENSORS, limit: scalar('FP32', 1_000), hour: scalar('INT64', 20_000_000_000), once: scalar('INT64', 1) },
  ),
);

/** Always turns for about an hour. */
export const HANGING = writeOnnx(graph(loopNodes([]), { ...LOOP_TENSORS, turns: scalar('INT64', 20_000_000_000) }));

/** As DOUBLING, after as many turns (some hundred nanoseconds each) as the largest input says. */
export const TURNING = writeOnnx(
  graph(
    loopNodes([
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: { int: 0 } } },
      { op: 'Cast', inputs: ['largest'], outputs: ['turns'], attributes: { to: { int: 7 } } },
    ]),
    LOOP_TENSORS,
  ),
);

/** score = x / 0: infinite, or NaN for zero. */
export const NOT_FINITE = writeOnnx(
  graph([{ op: 'Div', inputs: ['x', 'zero'], outputs: ['score'] }], { zero: scalar('FP32', 0) }),
);

/** score = x[x]: fails where an input is no index of a row. */
export const INDEXING = writeOnnx(
  graph(
    [
      { op: 'Reshape', inputs: ['x', 'flat'], outputs: ['row'] },
      { op: 'Cast', inputs: ['row'], outputs: ['indices'], attributes: { to: { int: 7 } } },
      { op: 'Gather', inputs: ['x', 'indices'], outputs: ['score'] },
    ],
    { flat: vector('INT64', [-1]) },
  ),
);

/** score = x and all rows before it: right for one row, wrong for rows that share a batch by chance. */
export const ACCUMULATING = writeOnnx(
  graph([{ op: 'CumSum', inputs: ['x', 'rows'], outputs: ['score'] }], { rows: scalar('INT64', 0) }),
);

/** Wants x times 4 MB (x >= 0) while it runs, and gives 2 x. */
export const GREEDY = writeOnnx(
  graph(
    [
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: { int: 0 } } },
      { op: 'Cast', inputs: ['largest'], outputs: ['count'], attributes: { to: { int: 7 } } },
      { op: 'Reshape', inputs: ['count', 'one'], outputs: ['counts'] },
      { op: 'Concat', inputs: ['counts', 'million'], outputs: ['shape'], attributes: { axis: { int: 0 } } },
      {
        op: 'ConstantOfShape',
        inputs: ['shape'],
        outputs: ['filled'],
        attributes: { value: { tensor: vector('FP32', [0]) } },
      },
      { op: 'ReduceMax', inputs: ['filled'], outputs: ['zero'], attributes: { keepdims: { int: 0 } } },
      { op: 'Add', inputs: ['x', 'zero'], outputs: ['same'] },
      { op: 'Mul', inputs: ['same', 'two'], outputs: ['score'] },
    ],
    { one: vector('INT64', [1]), million: vector('INT64', [1_048_576]), two: scalar('FP32', 2) },
  ),
);

/** Takes x times 4 MB, then turns for an hour with it; gives 2 x at once for x of 0. */
export const HOARDING = writeOnnx(
  graph(
    [
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: { int: 0 } } },
      { op: 'Cast', inputs: ['largest'], outputs: ['count'], attributes: { to: { int: 7 } } },
      { op: 'Reshape', inputs: ['count', 'one'], outputs: ['counts'] },
      { op: 'Concat', inputs: ['counts', 'million'], outputs: ['shape'], attributes: { axis: { int: 0 } } },
      {
        op: 'ConstantOfShape',
        inputs: ['shape'],
        outputs: ['filled'],
        attributes: { value: { tensor: vector('FP32', [0]) } },
      },
      { op: 'Mul', inputs: ['count', 'hour'], outputs: ['turns'] },
      ...loopNodes([]),
      { op: 'Shape', inputs: ['filled'], outputs: ['unused'] },
      { op: 'Reshape', inputs: ['filled', 'flat'], outputs: ['kept'] },
    ],
    {
      ...LOOP_TENSORS,
      one: vector('INT64', [1]),
      million: vector('INT64', [1_048_576]),
      hour: scalar('INT64', 20_000_000_000),
      flat: vector('INT64', [-1]),
    },
  ),
);

/** 68 bytes of graph that declare a gigabyte: 250 million floats. */
export const GIGABYTE_CONSTANT = writeOnnx(
  graph(
    [
      {
        op: 'ConstantOfShape',
        inputs: ['size'],
        outputs: ['filled'],
        attributes: { value: { tensor: vector('FP32', [0]) } },
      },
      { op: 'ReduceMax', inputs: ['filled'], outputs: ['zero'], attributes: { keepdims: { int: 0 } } },
      { op: 'Add', inputs: ['x', 'zero'], outputs: ['score'] },
    ],
    { size: vector('INT64', [250_000_000]) },
  ),
);

/** Fine by its form, of an operator that no runtime has. */
export const UNKNOWN_OPERATOR = writeOnnx(graph([{ op: 'NoSuchOperator', inputs: ['x'], outputs: ['score'] }], {}));

export const GARBAGE = Buffer.from('this is not a model at all', 'utf8');
