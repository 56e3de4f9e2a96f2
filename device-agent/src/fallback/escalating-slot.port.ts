/** What the fallback needs of a model of this device. */
import type { Bundle, FeatureVector } from '@shoal/models';
import type { DesiredFallback, Tensors } from '@shoal/protocol/wire';
import type { ModelSlotRunner, SlotVerdict } from '../inference/model-slot-runner.port.ts';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';

export interface EscalatingSlot extends ModelSlotRunner {
  readonly bundle: Bundle;
  readonly desiredFallback: DesiredFallback | undefined;
  isUncalibrated(): boolean;
  /** Resolves when there is an engine side. */
  attached(): Promise<void>;
  /** Once per window, in order. */
  prepare(window: AssembledWindow): Promise<FeatureVector>;
  run(
    fed: FeatureVector,
    options: { readonly deadlineMs: number; readonly signal?: AbortSignal },
  ): Promise<SlotVerdict>;
  judge(outputs: Tensors): Pick<SlotVerdict, 'outputs' | 'label' | 'threshold' | 'exceeded' | 'confidence'>;
}
