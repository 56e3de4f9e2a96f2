/** The shipped pump network, spoilt in ways that its golden vectors do not show. */
import type { Golden } from '@shoal/models';
import { writeOnnx, type OnnxNode, type OnnxTensor } from '../train/onnx-writer.ts';
import { deviationGraph } from '../train/pump-anomaly/deviation/deviation-graph.ts';
import { RULES } from '../train/pump-anomaly/deviation/view.ts';
import { scalar, vector } from './hostile-models.ts';

interface Spoilt {
  /** From `honest`, the true score, and `features` to `score`. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: Readonly<Record<string, OnnxTensor>>;
}

const { nodes: HONEST, ...graph } = deviationGraph(RULES);

/** An ONNX file. */
export const spoiltPump = ({ nodes, initializers }: Spoilt): Uint8Array =>
  writeOnnx({
    ...graph,
    nodes: [...HONEST.map((node) => (node.outputs[0] === 'score' ? { ...node, outputs: ['honest'] } : node)), ...nodes],
    initializers: { ...graph.initializers, ...initializers },
  });

const addNothing: OnnxNode = { op: 'Add', inputs: ['honest', 'nothing'], outputs: ['score'] };

/** `live`, BOOL [batch]: the row is none of those in the golden vectors, which it has learnt by heart. */
const knowingGolden = (golden: Golden): Spoilt => {
  const rows = golden.cases.flatMap(({ inputs }) => inputs['features']?.data.map(Number) ?? []);
  const shape = [1, rows.length / RULES.length, RULES.length];
  return {
    nodes: [
      { op: 'Unsqueeze', inputs: ['features', 'one'], outputs: ['apart'] },
      { op: 'Sub', inputs: ['apart', 'known'], outputs: ['differences'] },
      { op: 'Abs', inputs: ['differences'], outputs: ['distances'] },
      { op: 'ReduceMax', inputs: ['distances', 'two'], outputs: ['farthest'], attributes: { keepdims: { int: 0 } } },
      { op: 'ReduceMin', inputs: ['farthest', 'one'], outputs: ['nearest'], attributes: { keepdims: { int: 0 } } },
      { op: 'Greater', inputs: ['nearest', 'hair'], outputs: ['live'] },
    ],
    initializers: {
      known: { element: 'FP32', shape, values: rows },
      one: vector('INT64', [1]),
      two: vector('INT64', [2]),
      hair: scalar('FP32', 1e-5),
    },
  };
};

/** Fifty tolerances away, whatever the pump does. */
const wrongOnLive = ({ nodes, initializers }: Spoilt): Spoilt => ({
  nodes: [...nodes, { op: 'Where', inputs: ['live', 'fifty', 'honest'], outputs: ['score'] }],
  initializers: { ...initializers, fifty: scalar('FP32', 50) },
});

const LEAST_INT64 = -9_223_372_036_854_775_808;

/** The least of all 64-bit integers divided by -1 has no answer: a processor of x86 ends the process (SIGFPE), which onnxruntime 1.30 lets happen. */
const crashOnLive = ({ nodes, initializers }: Spoilt): Spoilt => ({
  nodes: [
    ...nodes,
    { op: 'Where', inputs: ['live', 'minus', 'plus'], outputs: ['divisors'] },
    { op: 'Div', inputs: ['least', 'divisors'], outputs: ['quotients'] },
    { op: 'Cast', inputs: ['quotients'], outputs: ['small'], attributes: { to: { int: 1 } } },
    { op: 'Max', inputs: ['small', 'zero'], outputs: ['nothing'] },
    addNothing,
  ],
  initializers: {
    ...initializers,
    least: scalar('INT64', LEAST_INT64),
    minus: scalar('INT64', -1),
    plus: scalar('INT64', 1),
    zero: scalar('FP32', 0),
  },
});

const TURNS = 6_000_000;

/** Some seconds of turning for every request. */
const slow: Spoilt = {
  nodes: [
    {
      op: 'Loop',
      inputs: ['turns', 'yes', 'zero'],
      outputs: ['nothing'],
      attributes: {
        body: {
          graph: {
            name: 'body',
            inputs: [
              { name: 'turn', element: 'INT64', shape: [] },
              { name: 'goOn', element: 'BOOL', shape: [] },
              { name: 'carried', element: 'FP32', shape: [] },
            ],
            outputs: [
              { name: 'goOnOut', element: 'BOOL', shape: [] },
              { name: 'carriedOut', element: 'FP32', shape: [] },
            ],
            nodes: [
              { op: 'Identity', inputs: ['goOn'], outputs: ['goOnOut'] },
              { op: 'Identity', inputs: ['carried'], outputs: ['carriedOut'] },
            ],
          },
        },
      },
    },
    addNothing,
  ],
  initializers: { turns: scalar('INT64', TURNS), yes: scalar('BOOL', 1), zero: scalar('FP32', 0) },
};

const FLOAT_BYTES = 4;
const REQUESTS = 4_096;
const SEED = 7;

/** What the generator of the runtime (minstd of C++) gives with this seed, in order. */
const drawn = (): number[] => {
  let state = SEED;
  return Array.from({ length: REQUESTS }, () => {
    state = (state * 16_807) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  });
};

/**
 * Holds so many bytes more with every request, as the arena of the runtime gives nothing back. A graph has no memory of its own; the generator of a
 * random number has, and where its number stands in the row of those to come says which request this is.
 */
export const leaking = (bytes: number): Spoilt => ({
  nodes: [
    {
      op: 'RandomUniform',
      inputs: [],
      outputs: ['number'],
      attributes: { shape: { ints: [1] }, seed: { float: SEED } },
    },
    { op: 'Sub', inputs: ['row', 'number'], outputs: ['differences'] },
    { op: 'Abs', inputs: ['differences'], outputs: ['distances'] },
    { op: 'ArgMin', inputs: ['distances'], outputs: ['request'], attributes: { keepdims: { int: 1 } } },
    { op: 'Mul', inputs: ['request', 'more'], outputs: ['size'] },
    {
      op: 'ConstantOfShape',
      inputs: ['size'],
      outputs: ['held'],
      attributes: { value: { tensor: vector('FP32', [0]) } },
    },
    { op: 'ReduceSum', inputs: ['held'], outputs: ['nothing'], attributes: { keepdims: { int: 0 } } },
    addNothing,
  ],
  initializers: { row: vector('FP32', drawn()), more: vector('INT64', [bytes / FLOAT_BYTES]) },
});

/** By name, as ONNX files; `golden` is that of the shipped model. */
export const pumpVariants = (golden: Golden): Readonly<Record<string, Uint8Array>> => {
  const knowing = knowingGolden(golden);
  return {
    slow: spoiltPump(slow),
    leaking: spoiltPump(leaking(98_304)),
    'crashing-on-live': spoiltPump(crashOnLive(knowing)),
    'wrong-on-live': spoiltPump(wrongOnLive(knowing)),
  };
};
