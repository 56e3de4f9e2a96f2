/** Runs a candidate on the windows that the model in force has answered, and counts how often both say the same; nothing acts on the candidate. */
import { QuantileSketch, verdictsAgree } from '@shoal/models';
import { sentenceOf } from '../errors.ts';
import type { Shadow, ShadowCounts } from '../ota/model-host.port.ts';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';
import type { SlotVerdict } from './model-slot-runner.port.ts';
import type { ModelSlot } from './model-slot.ts';

export class ShadowComparison implements Shadow {
  readonly #candidate: ModelSlot;
  readonly #onClose: () => Promise<void>;
  readonly #latency = new QuantileSketch();
  #isBusy = false;
  #isClosed = false;
  #windows = 0;
  #agreed = 0;
  #failures = 0;
  #lastFault: string | undefined;

  constructor(candidate: ModelSlot, onClose: () => Promise<void>) {
    this.#candidate = candidate;
    this.#onClose = onClose;
  }

  /**
   * While the candidate is busy with an earlier window this one is left out: it holds up nobody. `isSure`: the model in force knows
   * what is normal here. Never throws.
   */
  see(window: AssembledWindow, champion: SlotVerdict, isSure: boolean): void {
    const isOwnAnswer = champion.source === undefined || champion.source === 'edge';
    if (this.#isBusy || this.#isClosed || !isOwnAnswer) return;
    this.#isBusy = true;
    void this.#compare(window, champion, isSure);
  }

  counts(): ShadowCounts {
    const p95Ms = this.#latency.quantile(0.95);
    return {
      windows: this.#windows,
      agreed: this.#agreed,
      failures: this.#failures,
      losses: this.#candidate.losses(),
      isDown: this.#candidate.state().status === 'unavailable',
      ...(this.#lastFault !== undefined && { lastFault: this.#lastFault }),
      ...(p95Ms != null && { p95Ms }),
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#onClose();
  }

  /** One that does not know its normal yet says "normal" to everything: what it says is no agreement, only that it answers. */
  async #compare(window: AssembledWindow, champion: SlotVerdict, isSure: boolean): Promise<void> {
    try {
      const verdict = await this.#candidate.infer(window);
      if (this.#isClosed) return;
      this.#latency.add(verdict.latencyMs);
      if (!isSure || this.#candidate.isUncalibrated()) return;
      this.#windows += 1;
      if (verdictsAgree(champion, verdict)) this.#agreed += 1;
    } catch (error) {
      if (this.#isClosed) return;
      this.#failures += 1;
      this.#lastFault = sentenceOf(error);
    } finally {
      this.#isBusy = false;
    }
  }
}
