/** The views in memory, each joined with its slots: by name the current version, by hash any there ever was. */
import { Injectable } from '@nestjs/common';
import type { EntityView } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { FeatureStore, type LogEffects, type WindowEffects, type WindowProgress } from '../ports/feature-store.ts';
import { compileView, slotsOf, type CompiledView, type StreamSlot, type WindowSlot } from './compiled-view.ts';

@Injectable()
export class ViewRegistry {
  private readonly store: FeatureStore;
  private readonly byHash = new Map<string, CompiledView>();
  private readonly byName = new Map<string, CompiledView>();
  /** By slot: the last applied commit of the log, or publication of a window. */
  private readonly progress = new Map<number, WindowProgress>();

  /** Slots of a write that was not answered: nobody knows whether it was stored. */
  private readonly uncertain = new Set<number>();

  constructor(store: FeatureStore) {
    this.store = store;
  }

  /** Registers the view's slots and keeps it by hash; `makeCurrent` gives it its name. Idempotent. */
  async adopt(view: EntityView): Promise<CompiledView> {
    const registered = await this.store.register(view.name, slotsOf(view));
    const compiled = compileView(view, registered);
    this.byHash.set(compiled.hash, compiled);
    for (const { slotNo, position, fill } of registered.slots) {
      if (!this.progress.has(slotNo)) this.progress.set(slotNo, { position, fill });
    }
    return compiled;
  }

  makeCurrent(compiled: CompiledView): void {
    this.byName.set(compiled.view.name, compiled);
  }

  forget(name: string): void {
    this.byName.delete(name);
  }

  /** @throws FleetError FEATURE_VIEW_NOT_FOUND */
  named(name: string): CompiledView {
    const found = this.byName.get(name);
    if (found !== undefined) return found;
    throw new FleetError('FEATURE_VIEW_NOT_FOUND', `No feature view "${name}". List them with GET /api/feature-views.`);
  }

  /** Any version there ever was. */
  version(hash: string): CompiledView | undefined {
    return this.byHash.get(hash);
  }

  /** Of every version, each window once. */
  streams(): StreamSlot[] {
    const slots = [...this.byHash.values()].flatMap(({ streams }) => streams);
    return [...new Map(slots.map((slot) => [slot.slotNo, slot])).values()];
  }

  /** Of every version, each slot once. */
  windows(): WindowSlot[] {
    const slots = [...this.byHash.values()].flatMap(({ windows }) => windows);
    return [...new Map(slots.map((slot) => [slot.slotNo, slot])).values()];
  }

  /** One thing of this type, from every version of the views about it. @throws FleetError FEATURE_STORE_UNAVAILABLE */
  async erase(entityType: string, entity: string): Promise<void> {
    const about = [...this.byHash.values()].filter(({ view }) => view.entity === entityType);
    await this.store.erase([...new Set(about.map(({ viewNo }) => viewNo))], entity);
  }

  positionOf(slotNo: number): number {
    return this.progress.get(slotNo)?.position ?? 0;
  }

  progressOf(slotNo: number): WindowProgress {
    return this.progress.get(slotNo) ?? { position: -1, fill: null };
  }

  /** Effects of the log on windows, and how far these are afterwards. @throws FleetError FEATURE_STORE_UNAVAILABLE */
  async apply(effects: LogEffects): Promise<{ readonly applied: number; readonly tooLate: number }> {
    const slotNos = effects.slots.map(({ slotNo }) => slotNo);
    const outcome = await this.noted(slotNos, this.store.applyLog(effects));
    for (const slotNo of slotNos) this.progress.set(slotNo, { position: effects.lastBatchId, fill: null });
    return outcome;
  }

  /** Whether windows that were there are still missing: what is served meanwhile is no history yet. */
  isFilling({ windows }: CompiledView): boolean {
    return windows.some(({ slotNo }) => {
      const { position, fill } = this.progressOf(slotNo);
      return position < 0 || fill !== null;
    });
  }

  /** Values of windows, and how far these slots are afterwards. @throws FleetError FEATURE_STORE_UNAVAILABLE */
  async publish(effects: WindowEffects): Promise<{ readonly applied: number; readonly tooLate: number }> {
    const outcome = await this.noted(effects.slotNos, this.store.applyWindows(effects));
    for (const slotNo of effects.slotNos) this.progress.set(slotNo, effects.progress);
    return outcome;
  }

  /** Asks the store how far it is where a write was not answered; before every step. @throws FleetError FEATURE_STORE_UNAVAILABLE */
  async settle(): Promise<void> {
    if (this.uncertain.size === 0) return;
    for (const { view, slotNos } of this.byHash.values()) {
      if (!slotNos.some((slotNo) => this.uncertain.has(slotNo))) continue;
      const { slots } = await this.store.register(view.name, slotsOf(view));
      for (const { slotNo, position, fill } of slots) {
        if (this.uncertain.delete(slotNo)) this.progress.set(slotNo, { position, fill });
      }
    }
  }

  private async noted<T>(slotNos: readonly number[], write: Promise<T>): Promise<T> {
    try {
      return await write;
    } catch (error) {
      for (const slotNo of slotNos) this.uncertain.add(slotNo);
      throw error;
    }
  }

  async dropWindowsBefore(createdAt: number): Promise<void> {
    await this.store.dropWindowsBefore(createdAt);
  }
}
