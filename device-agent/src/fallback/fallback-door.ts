/** Leads the windows of a model past its fallback where it has one; a device without any pays for nothing behind this. */
import type { ModelReference } from '@shoal/protocol/wire';
import type { ModelSlotRunner, SlotState, SlotVerdict } from '../inference/model-slot-runner.port.ts';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';
import type { EscalatingSlot } from './escalating-slot.port.ts';
import type { FallbackParts, FallbackPartsOptions } from './fallback-parts.ts';
import type { FallbackReport } from './fallback-report.ts';
import type { FallbackSlot } from './fallback-slot.ts';
import type { HardExample } from './hard-examples.ts';

/** As many as may be asked at once: the next one waits its turn, and its budget runs. */
const WINDOWS_ABREAST = 8;

export class FallbackDoor implements ModelSlotRunner {
  readonly #slot: EscalatingSlot;
  readonly #isWanted: () => boolean;
  readonly #parts: () => Promise<FallbackParts>;
  #behind: Promise<FallbackSlot> | undefined;
  #slotBehind: FallbackSlot | undefined;

  constructor(slot: EscalatingSlot, isWanted: () => boolean, parts: () => Promise<FallbackParts>) {
    this.#slot = slot;
    this.#isWanted = isWanted;
    this.#parts = parts;
  }

  get model(): ModelReference {
    return this.#slot.model;
  }

  state(): SlotState {
    return this.#slot.state();
  }

  /** Null for a model that asks nobody. */
  report(): FallbackReport | null {
    return this.#isWanted() ? (this.#slotBehind?.report() ?? null) : null;
  }

  /** Who waits for the fleet holds up nobody behind. */
  abreast(): number {
    return this.#isWanted() ? WINDOWS_ABREAST : 1;
  }

  infer(window: AssembledWindow, waitedMs: number): Promise<SlotVerdict> {
    return this.#isWanted() ? this.#escalate(window, waitedMs) : this.#slot.infer(window, waitedMs);
  }

  async #escalate(window: AssembledWindow, waitedMs: number): Promise<SlotVerdict> {
    this.#behind ??= this.#open();
    return (await this.#behind).infer(window, waitedMs);
  }

  /** One for all windows: their history is one. */
  async #open(): Promise<FallbackSlot> {
    this.#slotBehind = (await this.#parts()).slot(this.#slot);
    return this.#slotBehind;
  }
}

export class FallbackDoors {
  readonly #options: FallbackPartsOptions;
  #parts: Promise<FallbackParts> | undefined;

  constructor(options: FallbackPartsOptions) {
    this.#options = options;
  }

  doorOf(slot: EscalatingSlot): FallbackDoor {
    const { enabled, siblings } = this.#options.config;
    const { name } = slot.model;
    const isDeclared = siblings[name] !== undefined || slot.bundle.manifest.fallback.mode === 'escalate';
    const isWanted = (): boolean => slot.desiredFallback?.enabled ?? (enabled && isDeclared);
    return new FallbackDoor(slot, isWanted, () => (this.#parts ??= this.#load()));
  }

  /** Also those of an earlier process, before any model asks. */
  async hardExamples(): Promise<readonly HardExample[]> {
    return (await (this.#parts ??= this.#load())).examples();
  }

  async stop(): Promise<void> {
    await (await this.#parts)?.stop();
  }

  async #load(): Promise<FallbackParts> {
    const { FallbackParts: Parts } = await import('./fallback-parts.ts');
    const parts = new Parts(this.#options);
    await parts.start();
    return parts;
  }
}
