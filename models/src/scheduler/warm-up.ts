/** Runs the golden vectors alone and joined to full batches: learns what both cost, and whether joining changes the answers. */
import type { Tensors } from '@shoal/protocol/wire';
import { goldenInputs, tensorDifference, type Golden, type Tolerance } from '../bundle/golden.ts';
import type { InferResult, ModelHandle } from '../engine/inference-engine.port.ts';
import { joinRows, sliceRows } from '../engine/rows.ts';
import { asModelError } from '../errors.ts';
import { batchFault } from './batch-plan.ts';
import { rowGrouping } from './row-grouping.ts';

/** The first run of a size also pays for memory and code, so it does not count. */
const RUNS = 4;

export interface WarmUpFindings {
  readonly runs: readonly { readonly rows: number; readonly ms: number }[];
  /** Rows up to which a batch gave the answers of its rows alone; 1 when none did. */
  readonly batchRows: number;
}

export interface WarmUpPlan {
  readonly golden: Golden;
  readonly maxBatchRows: number;
  readonly now: () => number;
}

interface Single {
  readonly inputs: Tensors;
  readonly rows: number;
  readonly outputs: Tensors;
}

/** Cases in turn, as long as they fit. */
const tile = (singles: readonly Single[], maxRows: number): readonly Single[] => {
  const members: Single[] = [];
  let rows = 0;
  for (let i = 0; ; i += 1) {
    const next = singles[i % singles.length];
    if (next === undefined || rows + next.rows > maxRows) return members;
    members.push(next);
    rows += next.rows;
  }
};

const differs = (actual: Tensors, expected: Tensors, tolerance: Tolerance): boolean =>
  Object.entries(expected).some(([name, tensor]) => tensorDifference(actual[name], tensor, tolerance) !== null);

const isSame = (outputs: Tensors, members: readonly Single[], tolerance: Tolerance): boolean => {
  const total = members.reduce((sum, { rows }) => sum + rows, 0);
  if (Object.values(outputs).some(({ shape }) => shape[0] !== total)) return false;
  let from = 0;
  return members.every(({ rows, outputs: expected }) => {
    from += rows;
    return !differs(sliceRows(outputs, from - rows, from), expected, tolerance);
  });
};

/** Rejects with what the model rejects a golden vector with. */
export const warmUp = async (handle: ModelHandle, plan: WarmUpPlan): Promise<WarmUpFindings> => {
  const runs: { rows: number; ms: number }[] = [];
  const time = async (inputs: Tensors, rows: number, onLoss: 'retry' | 'report'): Promise<InferResult> => {
    const startedAt = plan.now();
    const result = await handle.infer(inputs, { batch: { onLoss, patienceMs: undefined } });
    runs.push({ rows, ms: plan.now() - startedAt });
    return result;
  };
  const repeat = async (inputs: Tensors, rows: number, onLoss: 'retry' | 'report'): Promise<InferResult> => {
    const first = await time(inputs, rows, onLoss);
    runs.pop();
    for (let run = 1; run < RUNS; run += 1) await time(inputs, rows, onLoss);
    return first;
  };
  const shapeOf = rowGrouping(handle.signature);
  const singles: (Single & { readonly group: string | null })[] = [];
  for (const inputs of goldenInputs(plan.golden)) {
    const shape = shapeOf(inputs);
    singles.push({ inputs, ...shape, outputs: (await repeat(inputs, shape.rows, 'retry')).outputs });
  }
  const group = singles[0]?.group ?? null;
  const alike = singles.filter((single) => single.group === group);
  for (let size = plan.maxBatchRows; group !== null && size > 1; size >>= 1) {
    const members = tile(alike, size);
    if (members.length < 2) break;
    const rows = members.reduce((sum, single) => sum + single.rows, 0);
    try {
      const { outputs } = await repeat(joinRows(members.map(({ inputs }) => inputs)), rows, 'report');
      if (isSame(outputs, members, plan.golden.tolerance.default)) return { runs, batchRows: size };
      break;
    } catch (error) {
      if (batchFault(asModelError(error, 'ENGINE_CRASHED').code) !== 'bisect') break;
    }
  }
  return { runs, batchRows: 1 };
};
