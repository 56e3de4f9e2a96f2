/** The views in memory, each joined with its slots: by name the current version, by hash any there ever was. */
import { Injectable } from '@nestjs/common';
import type { EntityView } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { FeatureStore, type LogEffects } from '../ports/feature-store.ts';
import { compileView, slotsOf, type CompiledView, type StreamSlot } from './compiled-view.ts';

@Injectable()
export class ViewRegistry {
  private readonly store: FeatureStore;
  private readonly byHash = new Map<string, CompiledView>();
  private readonly byName = new Map<string, CompiledView>();
  /** By slot: the last applied commit of the log. */
  private readonly positions = new Map<number, number>();

  constructor(store: FeatureStore) {
    this.store = store;
  }

  /** Registers the view's slots and keeps it by hash; `makeCurrent` gives it its name. Idempotent. */
  async adopt(view: EntityView): Promise<CompiledView> {
    const registered = await this.store.register(view.name, slotsOf(view));
    const compiled = compileView(view, registered);
    this.byHash.set(compiled.hash, compiled);
    for (const { slotNo, position } of registered.slots) {
      if (!this.positions.has(slotNo)) this.positions.set(slotNo, position);
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

  /** One thing of this type, from every version of the views about it. @throws FleetError FEATURE_STORE_UNAVAILABLE */
  async erase(entityType: string, entity: string): Promise<void> {
    const about = [...this.byHash.values()].filter(({ view }) => view.entity === entityType);
    await this.store.erase([...new Set(about.map(({ viewNo }) => viewNo))], entity);
  }

  positionOf(slotNo: number): number {
    return this.positions.get(slotNo) ?? 0;
  }

  /** Effects of the log on windows, and how far these are afterwards. @throws FleetError FEATURE_STORE_UNAVAILABLE */
  async apply(effects: LogEffects): Promise<{ readonly applied: number; readonly tooLate: number }> {
    const outcome = await this.store.applyLog(effects);
    for (const slotNo of effects.slotNos) this.positions.set(slotNo, effects.lastBatchId);
    return outcome;
  }

  async dropPanesBefore(createdAt: number): Promise<void> {
    await this.store.dropPanesBefore(createdAt);
  }
}
