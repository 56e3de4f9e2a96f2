/** Runs a candidate on the windows that the model in force has answered, and counts how often both say the same; nothing acts on the candidate. */
import { QuantileSketch, verdictsAgree } from '@shoal/models';
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

  constructor(candidate: ModelSlot, onClose: () => Promise<void>) {
    this.#candidate = candidate;
    this.#onClose = onClose;
  }

  /** While the candidate is busy with an earlier window this one is left out: it holds up nobody. Never throws. */
  see(window: AssembledWindow, champion: SlotVerdict): void {
    const isOwnAnswer = champion.source === undefined || champion.source === 'edge';
    if (this.#isBusy || this.#isClosed || !isOwnAnswer) return;
    this.#isBusy = true;
    void this.#compare(window, champion);
  }

  counts(): ShadowCounts {
    const p95Ms = this.#latency.quantile(0.95);
    return { windows: this.#windows, agreed: this.#agreed, ...(p95Ms != null && { p95Ms }) };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#onClose();
  }

  /** A window that it cannot answer is one on which it does not agree. */
  async #compare(window: AssembledWindow, champion: SlotVerdict): Promise<void> {
    try {
      const verdict = await this.#candidate.infer(window);
      if (this.#isClosed) return;
      this.#latency.add(verdict.latencyMs);
      if (verdictsAgree(champion, verdict)) this.#agreed += 1;
    } catch {
      if (this.#isClosed) return;
    } finally {
      this.#isBusy = false;
    }
    this.#windows += 1;
  }
}
