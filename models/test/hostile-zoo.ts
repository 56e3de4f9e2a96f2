/** Hostile models with names: what each does, and where it is expected to be stopped. */
import { writeOnnx, type OnnxNode } from '../train/onnx-writer.ts';
import {
  DOUBLING,
  GARBAGE,
  GIGABYTE_CONSTANT,
  graph,
  GREEDY,
  HANGING,
  HANGING_ABOVE_1000,
  NOT_FINITE,
  scalar,
  UNKNOWN_OPERATOR,
  vector,
} from './hostile-models.ts';
import { manifestOf, type BundlePlan } from './test-bundles.ts';
import {
  floats,
  graphJson,
  graphPlan,
  layersJson,
  placeholder,
  TFJS_DOUBLING,
  TFJS_GARBAGE,
  TFJS_GREEDY,
  TFJS_HANGING_ABOVE_1000,
  TFJS_NOT_FINITE,
  tfjsPlan,
  weightBytes,
  type GraphNode,
} from './tfjs-models.ts';

/** `gate`: the static gate refuses it. `probation`: its own process finds out. `later`: golden vectors pass, some inputs do harm. */
type Stage = 'gate' | 'probation' | 'later' | 'never';

export interface HostileModel extends BundlePlan {
  readonly name: string;
  readonly stage: Stage;
  /** Channel it looks at: `x` is tame but for rare large values, `ramp` grows. */
  readonly channel: 'x' | 'ramp';
}

const ABOVE_1000: readonly OnnxNode[] = [
  { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: { int: 0 } } },
  { op: 'Greater', inputs: ['largest', 'limit'], outputs: ['big'] },
];
const LIMIT = { limit: scalar('FP32', 1_000), two: scalar('FP32', 2) };

/** As DOUBLING, but NaN where the largest input is above 1000. */
export const NAN_ABOVE_1000 = writeOnnx(
  graph(
    [
      ...ABOVE_1000,
      { op: 'Sub', inputs: ['limit', 'x'], outputs: ['room'] },
      { op: 'Sqrt', inputs: ['room'], outputs: ['root'] },
      { op: 'Where', inputs: ['big', 'root', 'zero'], outputs: ['extra'] },
      { op: 'Mul', inputs: ['x', 'two'], outputs: ['double'] },
      { op: 'Add', inputs: ['double', 'extra'], outputs: ['score'] },
    ],
    { ...LIMIT, zero: scalar('FP32', 0) },
  ),
);

const names = { name: 'names', datatype: 'BYTES' as const, shape: [-1] };

/** As DOUBLING, but answers with two million strings where an input is above 1000: the JavaScript heap of the process aborts. */
export const ABORTING_ABOVE_1000 = writeOnnx({
  ...graph(
    [
      ...ABOVE_1000,
      { op: 'Where', inputs: ['big', 'many', 'one'], outputs: ['count'] },
      { op: 'Reshape', inputs: ['count', 'row'], outputs: ['counts'] },
      { op: 'Cast', inputs: ['largest'], outputs: ['text'], attributes: { to: { int: 8 } } },
      { op: 'Expand', inputs: ['text', 'counts'], outputs: ['names'] },
      { op: 'Mul', inputs: ['x', 'two'], outputs: ['score'] },
    ],
    { ...LIMIT, many: scalar('INT64', 2_000_000), one: scalar('INT64', 1), row: vector('INT64', [1]) },
  ),
  outputs: [
    { name: 'score', element: 'FP32', shape: ['batch', 1] },
    { name: 'names', element: 'BYTES', shape: ['names'] },
  ],
});
const abortingManifest = {
  /** So much that the heap of the process ends before its caps do. */
  resources: { ...manifestOf().resources, memoryMb: 1_024 },
  signature: { ...manifestOf().signature, outputs: [...manifestOf().signature.outputs, names] },
};

/** A gigabyte whose size is computed: the gate cannot know it, the runtime makes it while it loads the model. */
export const HIDDEN_GIGABYTE = writeOnnx(
  graph(
    [
      { op: 'Mul', inputs: ['side', 'side'], outputs: ['size'] },
      {
        op: 'ConstantOfShape',
        inputs: ['size'],
        outputs: ['filled'],
        attributes: { value: { tensor: vector('FP32', [0]) } },
      },
      { op: 'ReduceMax', inputs: ['filled'], outputs: ['zero'], attributes: { keepdims: { int: 0 } } },
      { op: 'Add', inputs: ['x', 'zero'], outputs: ['score'] },
    ],
    { side: vector('INT64', [16_000]) },
  ),
);

/** As DOUBLING, but answers with ten million rows where an input is above 1000: more than whoever asked can take. */
export const FLOODING_ABOVE_1000 = writeOnnx(
  graph(
    [
      ...ABOVE_1000,
      { op: 'Where', inputs: ['big', 'many', 'one'], outputs: ['count'] },
      { op: 'Reshape', inputs: ['count', 'row'], outputs: ['rows'] },
      { op: 'Concat', inputs: ['rows', 'row1'], outputs: ['shape'], attributes: { axis: { int: 0 } } },
      { op: 'Mul', inputs: ['x', 'two'], outputs: ['double'] },
      { op: 'Expand', inputs: ['double', 'shape'], outputs: ['score'] },
    ],
    {
      ...LIMIT,
      many: scalar('INT64', 10_000_000),
      one: scalar('INT64', 1),
      row: vector('INT64', [1]),
      row1: vector('INT64', [1]),
    },
  ),
);

const TWO = floats('two', [], [2]);
const X = placeholder('x', [-1, 1]);
const DOUBLE: GraphNode = { name: 'score', op: 'Mul', input: ['x', 'two'] };

/** Turns for ever: the loop of a graph as TensorFlow 1 writes it. */
const TFJS_WHILE = graphPlan(
  [
    X,
    { name: 'enter', op: 'Enter', input: ['x'], attr: { frame_name: { s: 'bG9vcA==' } } },
    { name: 'merge', op: 'Merge', input: ['enter', 'next'] },
    { name: 'go', op: 'LoopCond', input: ['merge'] },
    { name: 'switch', op: 'Switch', input: ['merge', 'go'] },
    { name: 'next', op: 'NextIteration', input: ['switch:1'] },
    { name: 'score', op: 'Exit', input: ['switch'] },
  ],
  [TWO],
);

/** Declares a weight of four terabytes beside four bytes. */
const TFJS_HUGE_SHAPE = tfjsPlan(graphJson([X, DOUBLE], [{ ...TWO, shape: [1_000_000, 1_000_000] }]), TWO.bytes);

const DENSE = [floats('score/kernel', [1, 1], [2]), floats('score/bias', [1], [0])];
const DENSE_LAYER = { class_name: 'Dense', config: { name: 'score', units: 1, activation: 'linear' } };
const TFJS_LAMBDA = tfjsPlan(
  layersJson([{ class_name: 'Lambda', config: { name: 'code', function: 'while (true);' } }, DENSE_LAYER], DENSE),
  weightBytes(DENSE),
);

const of = (name: string, stage: Stage, model: Uint8Array, rest: Partial<HostileModel> = {}): HostileModel => ({
  name,
  stage,
  model,
  channel: 'x',
  ...rest,
});

const RAMP_GOLDEN: NonNullable<BundlePlan['golden']> = [
  [1, 2],
  [2, 4],
];
const ON_NATIVE: HostileModel['manifest'] = { engines: ['native-child'] };
const ON_WASM: HostileModel['manifest'] = { engines: ['wasm-child'] };

/** A plan of its own, in place of a file of ONNX. */
const planned = (name: string, stage: Stage, plan: BundlePlan, rest: Partial<HostileModel> = {}): HostileModel => ({
  ...of(name, stage, plan.model),
  ...plan,
  ...rest,
});

export const HOSTILE_ZOO: readonly HostileModel[] = [
  of('good', 'never', DOUBLING),
  of('good-wasm', 'never', DOUBLING, { manifest: ON_WASM }),
  planned('good-tfjs', 'never', TFJS_DOUBLING),
  of('garbage', 'gate', GARBAGE),
  of('loop-undeclared', 'gate', HANGING, { manifest: { gate: { allow: [] } } }),
  of('gigabyte-constant', 'gate', GIGABYTE_CONSTANT),
  of('gigabyte-hidden', 'probation', HIDDEN_GIGABYTE),
  of('unknown-operator', 'probation', UNKNOWN_OPERATOR),
  of('infinite-loop', 'probation', HANGING, { manifest: ON_NATIVE }),
  of('wasm-loop', 'probation', HANGING, { manifest: ON_WASM }),
  of('nan', 'probation', NOT_FINITE),
  of('crash', 'probation', ABORTING_ABOVE_1000, { manifest: abortingManifest, golden: [[2_000, 4_000]] }),
  of('crash-later', 'later', ABORTING_ABOVE_1000, { manifest: abortingManifest }),
  of('loop-later', 'later', HANGING_ABOVE_1000),
  of('nan-later', 'later', NAN_ABOVE_1000),
  of('leak-later', 'later', GREEDY, {
    channel: 'ramp',
    golden: RAMP_GOLDEN,
  }),
  of('flood-later', 'later', FLOODING_ABOVE_1000, {
    manifest: { resources: { ...manifestOf().resources, memoryMb: 256 } },
  }),
  of('wasm-loop-later', 'later', HANGING_ABOVE_1000, { manifest: ON_WASM }),
  of('wasm-leak-later', 'later', GREEDY, { channel: 'ramp', golden: RAMP_GOLDEN, manifest: ON_WASM }),
  planned('tfjs-garbage', 'gate', TFJS_GARBAGE),
  planned('tfjs-truncated', 'gate', tfjsPlan(graphJson([X, DOUBLE], [TWO]), TWO.bytes.subarray(0, 3))),
  planned('tfjs-huge-shape', 'gate', TFJS_HUGE_SHAPE),
  planned('tfjs-while', 'gate', TFJS_WHILE),
  planned('tfjs-lambda', 'gate', TFJS_LAMBDA),
  planned('tfjs-nan', 'probation', TFJS_NOT_FINITE),
  planned('tfjs-gigabyte', 'probation', TFJS_GREEDY, { golden: [[300, 600]] }),
  planned('tfjs-loop', 'probation', TFJS_HANGING_ABOVE_1000, { golden: [[2_000, 4_000]] }),
  planned('tfjs-loop-later', 'later', TFJS_HANGING_ABOVE_1000),
  planned('tfjs-leak-later', 'later', TFJS_GREEDY, { channel: 'ramp', golden: RAMP_GOLDEN }),
];
