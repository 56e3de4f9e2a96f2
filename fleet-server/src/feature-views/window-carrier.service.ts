/**
 * Carries published windows of streams into features, in the order of their publication, from the position that commits with
 * its effects: exactly once, whatever is killed. A slot is first filled with the windows that are there.
 */
import { Injectable } from '@nestjs/common';
import type { WindowProgress } from '../ports/feature-store.ts';
import { WindowStore, type Publications, type PublishedWindow } from '../ports/window-store.ts';
import type { WindowSlot } from './compiled-view.ts';
import { Surroundings } from './surroundings.service.ts';
import { ViewRegistry } from './view-registry.service.ts';
import { fedBy, valuesOf } from './window-values.ts';

const DAY_MS = 86_400_000;
/** Where filling begins. */
const FIRST = '';

@Injectable()
export class WindowCarrier {
  private readonly windows: WindowStore;
  private readonly registry: ViewRegistry;
  private readonly around: Surroundings;
  /** Streams the store was told to keep the revisions of. */
  private readonly kept = new Set<string>();

  constructor(windows: WindowStore, registry: ViewRegistry, around: Surroundings) {
    this.windows = windows;
    this.registry = registry;
    this.around = around;
  }

  /**
   * At most so many windows twice over: of those that were published since, and of those that were there before. Without a
   * feature of windows nobody is asked anything.
   * @returns whether there is more
   */
  async step(windowsAtOnce: number): Promise<boolean> {
    const slots = this.registry.windows();
    if (slots.length === 0) return false;
    await this.registry.settle();
    await this.keep(slots);
    const isBehind = await this.follow(slots, windowsAtOnce);
    const isFilling = await this.fill(slots, windowsAtOnce);
    return isBehind || isFilling;
  }

  private async keep(slots: readonly WindowSlot[]): Promise<void> {
    const missing = streamsOf(slots).filter((stream) => !this.kept.has(stream));
    if (missing.length === 0) return;
    await this.windows.keep(missing);
    for (const stream of missing) this.kept.add(stream);
  }

  /** What is behind catches up alone. @returns whether there is more */
  private async follow(slots: readonly WindowSlot[], limit: number): Promise<boolean> {
    const following = slots.filter(({ slotNo }) => isFollowing(this.registry.progressOf(slotNo)));
    const positions = following.map(({ slotNo }) => this.registry.progressOf(slotNo).position);
    const from = positions.length === 0 ? Number.MAX_SAFE_INTEGER : Math.min(...positions);
    const found = await this.windows.publications({
      streams: streamsOf(slots),
      afterChange: from,
      untilChange: Math.min(Number.MAX_SAFE_INTEGER, ...positions.filter((position) => position > from)),
      limit,
    });
    const broken = slots.filter((slot) => this.isBroken(slot, found));
    if (broken.length > 0) {
      await this.publish([], { behind: broken, fed: [], progress: { position: found.lastChange, fill: FIRST } });
    }
    const behind = following.filter(
      (slot) => this.registry.progressOf(slot.slotNo).position === from && !broken.includes(slot),
    );
    const fed = fedBy(slots, found.definitions);
    this.around.metrics.gauge('feature_window_sources_unfed', slots.length - fed.length);
    if (behind.length === 0 || found.position <= from) return false;
    await this.publish(found.windows, { behind, fed, progress: { position: found.position, fill: null } });
    this.around.metrics.gauge('feature_window_position', found.position);
    return found.position < found.lastChange;
  }

  /** Never looked at, or revisions after its position are not kept: they went with their retention, or the file is another. */
  private isBroken({ slotNo, source }: WindowSlot, { keptSince, lastChange }: Publications): boolean {
    const since = keptSince.get(source.stream);
    if (since === undefined) this.kept.delete(source.stream);
    const { position } = this.registry.progressOf(slotNo);
    return since !== undefined && (position < since || position > lastChange);
  }

  /** One page of the windows that were there. @returns whether there is more */
  private async fill(slots: readonly WindowSlot[], limit: number): Promise<boolean> {
    const [first] = slots.filter(({ slotNo }) => this.registry.progressOf(slotNo).fill !== null);
    if (first === undefined) return false;
    const { stream } = first.source;
    const { position, fill } = this.registry.progressOf(first.slotNo);
    const behind = slots.filter(({ slotNo, source }) => {
      const own = this.registry.progressOf(slotNo);
      return source.stream === stream && own.position === position && own.fill === fill;
    });
    const page = await this.windows.stored({
      stream,
      cursor: fill === FIRST ? undefined : (fill ?? undefined),
      changedUntil: position,
      endAfter: this.keptFrom(),
      limit,
    });
    const fed = page.definition === undefined ? [] : fedBy(behind, [page.definition]);
    await this.publish(page.windows, { behind, fed, progress: { position, fill: page.nextCursor } });
    return true;
  }

  private async publish(
    windows: readonly PublishedWindow[],
    { behind, fed, progress }: { behind: readonly WindowSlot[]; fed: readonly WindowSlot[]; progress: WindowProgress },
  ): Promise<void> {
    const { metrics } = this.around;
    const { values, refused } = valuesOf(
      windows,
      behind.filter((slot) => fed.includes(slot)),
    );
    const slotNos = behind.map(({ slotNo }) => slotNo);
    const outcome = await this.registry.publish({ slotNos, progress, values, keptFrom: this.keptFrom() });
    metrics.count('feature_windows_applied_total', outcome.applied);
    metrics.count('feature_windows_too_late_total', outcome.tooLate);
    metrics.count('feature_windows_refused_total', refused);
  }

  private keptFrom(): number {
    return this.around.clock.now() - this.around.config.historyDays * DAY_MS;
  }
}

const isFollowing = ({ position, fill }: WindowProgress): boolean => position >= 0 && fill === null;

const streamsOf = (slots: readonly WindowSlot[]): string[] => [...new Set(slots.map(({ source }) => source.stream))];
