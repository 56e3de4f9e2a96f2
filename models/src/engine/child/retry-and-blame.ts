/** What happens when a process is lost under a request: once more, row by row, and then somebody is to blame. */
import type { Tensors } from '@shoal/protocol/wire';
import { asModelError, ModelError } from '../../errors.ts';
import type { BatchOptions, InferResult } from '../inference-engine.port.ts';
import { joinRows } from '../rows.ts';

export interface Attempts {
  /** On a fresh process after a loss. */
  run(inputs: Tensors): Promise<InferResult>;
  /** Whether this rejection means that the process was lost under the request. */
  isLoss(error: unknown): boolean;
  /** Whether the caller still waits; nobody retries for one who has left. */
  isWanted(): boolean;
  /** Rejects when the model fails even its golden vectors. */
  golden(): Promise<void>;
}

const singles = async (attempts: Attempts, rows: readonly Tensors[]): Promise<InferResult> => {
  const results: InferResult[] = [];
  for (const row of rows) results.push(await attempts.run(row));
  return {
    outputs: joinRows(results.map(({ outputs }) => outputs)),
    elapsedMs: results.reduce((total, { elapsedMs }) => total + elapsedMs, 0),
  };
};

/** What the caller is told: a process lost twice under an input while golden vectors pass is the input's doing. */
const blame = async (attempts: Attempts, loss: ModelError, retried: boolean): Promise<ModelError> => {
  try {
    await attempts.golden();
  } catch (cause) {
    const second = asModelError(cause, 'ENGINE_CRASHED');
    if (second.code === 'ENGINE_CLOSED' || second.code === 'ENGINE_UNAVAILABLE') return second;
    return new ModelError('MODEL_QUARANTINED', `The model fails on golden vectors too: ${second.message}`, {
      cause: loss,
    });
  }
  if (!retried) return loss;
  return new ModelError('INPUT_BREAKS_MODEL', `Lost the engine twice on the same input: ${loss.message}`, {
    cause: loss,
  });
};

interface LossPolicy {
  readonly onLoss: BatchOptions['onLoss'];
  /** The request split into singles; one element when it cannot be split. */
  readonly rows: () => readonly Tensors[];
}

/**
 * Rejects with what `run` rejects with unless the process is lost, then with INPUT_BREAKS_MODEL, MODEL_QUARANTINED, or the loss
 * itself when it is only to be reported or nobody waits any more.
 */
export const runWithRetry = async (
  attempts: Attempts,
  inputs: Tensors,
  { onLoss, rows }: LossPolicy,
): Promise<InferResult> => {
  let loss: unknown;
  try {
    return await attempts.run(inputs);
  } catch (error) {
    if (!attempts.isLoss(error)) throw error;
    loss = error;
  }
  if (onLoss === 'report') throw loss;
  const wanted = attempts.isWanted();
  if (wanted && onLoss === 'retry')
    try {
      return await singles(attempts, rows());
    } catch (error) {
      if (!attempts.isLoss(error)) throw error;
      loss = error;
    }
  throw await blame(attempts, asModelError(loss, 'ENGINE_CRASHED'), wanted);
};
