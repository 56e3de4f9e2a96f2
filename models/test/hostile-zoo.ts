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
  manifestOf,
  NOT_FINITE,
  scalar,
  UNKNOWN_OPERATOR,
  vector,
  type BundlePlan,
} from './hostile-models.ts';

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

const of = (name: string, stage: Stage, model: Uint8Array, rest: Partial<HostileModel> = {}): HostileModel => ({
  name,
  stage,
  model,
  channel: 'x',
  ...rest,
});

export const HOSTILE_ZOO: readonly HostileModel[] = [
  of('good', 'never', DOUBLING),
  of('garbage', 'gate', GARBAGE),
  of('loop-undeclared', 'gate', HANGING, { manifest: { gate: { allow: [] } } }),
  of('gigabyte-constant', 'gate', GIGABYTE_CONSTANT),
  of('gigabyte-hidden', 'probation', HIDDEN_GIGABYTE),
  of('unknown-operator', 'probation', UNKNOWN_OPERATOR),
  of('infinite-loop', 'probation', HANGING),
  of('nan', 'probation', NOT_FINITE),
  of('crash', 'probation', ABORTING_ABOVE_1000, { manifest: abortingManifest, golden: [[2_000, 4_000]] }),
  of('crash-later', 'later', ABORTING_ABOVE_1000, { manifest: abortingManifest }),
  of('loop-later', 'later', HANGING_ABOVE_1000),
  of('nan-later', 'later', NAN_ABOVE_1000),
  of('leak-later', 'later', GREEDY, {
    channel: 'ramp',
    golden: [
      [1, 2],
      [2, 4],
    ],
  }),
];
