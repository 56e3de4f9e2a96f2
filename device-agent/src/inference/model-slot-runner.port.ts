/** What runs one model: ready or not, it takes a window and answers with a verdict or says why not. */
import type { ModelReference, PredictionSource } from '@shoal/protocol/wire';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';

export interface SlotVerdict {
  readonly outputs: Readonly<Record<string, number>>;
  /** Absent for a model whose outputs are not judged. */
  readonly label: string | undefined;
  readonly threshold: number;
  readonly exceeded: boolean;
  /** Of the label, 0 to 1, where the model gives one. */
  readonly confidence?: number;
  /** Engine that ran it. */
  readonly engine: string | null;
  readonly latencyMs: number;
  /** Why the answer is not what good health would give; absent in good health. */
  readonly degradedReason?: string | undefined;
  /** Where the answer came from; `edge` when absent. */
  readonly source?: PredictionSource;
  /** What answered, when it was not the model of the slot. */
  readonly answeredBy?: ModelReference;
  /** Why the fleet was asked. */
  readonly escalation?: string;
}

export interface SlotState {
  readonly status: 'loading' | 'ready' | 'unavailable' | 'disabled';
  readonly engine: string | null;
  readonly reason: string | null;
}

export interface ModelSlotRunner {
  readonly model: ModelReference;
  state(): SlotState;
  /** Windows it answers at the same time; 1 where it does not say. */
  abreast?(): number;
  /** Called in the order of the windows. `waitedMs`: how long this one has waited already. Throws ModelError. */
  infer(window: AssembledWindow, waitedMs: number): Promise<SlotVerdict>;
}
