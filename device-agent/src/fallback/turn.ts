/** One window on its way to an answer, and the time it has. */
import type { EscalationPolicy } from '@shoal/protocol/wire';
import type { SlotVerdict } from '../inference/model-slot-runner.port.ts';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';

export interface FallbackSettings {
  readonly budgetMs: number;
  readonly policy: EscalationPolicy;
}

export interface BegunTurn {
  readonly window: AssembledWindow;
  /** From when its budget runs, on a clock that never steps. */
  readonly startedAt: number;
  /** It waited so long that its budget is too short for an answer: the device answers late rather than never, and asks nobody. */
  readonly isOverdue: boolean;
  readonly settings: FallbackSettings;
  /** Lets the next window have the engine. */
  readonly leave: () => void;
}

export interface Turn extends BegunTurn {
  /** What the fleet would be sent. */
  readonly row: Float32Array;
  local: SlotVerdict | undefined;
  /** Why what was tried gave nothing. */
  readonly whys: string[];
}

/** Share of the budget after which nothing is waited for: the rest is for timers that come late, and for the way out. */
const WAITED_SHARE = 0.9;

/** Share of the budget that an own answer may take and is still no late one. */
const OWN_SHARE = 0.05;

export const waitedForMs = (budgetMs: number): number => budgetMs * WAITED_SHARE;

/** Whether a window that waited for so long has less time left than its own answer may take. */
export const isOverdue = (waitedMs: number, budgetMs: number): boolean =>
  waitedMs >= waitedForMs(budgetMs) - OWN_SHARE * budgetMs;

/** Until nothing is waited for any more; negative afterwards. */
export const leftMs = ({ settings, startedAt }: BegunTurn, now: number): number =>
  waitedForMs(settings.budgetMs) - (now - startedAt);
