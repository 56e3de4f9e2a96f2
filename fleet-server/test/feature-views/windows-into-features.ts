/** A scenario through the real files of windows and of features, killed anywhere, beside a memory of everything that was published. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntityView, WindowResult } from '@shoal/protocol';
import { pino } from 'pino';
import { PrometheusMetrics } from '../../src/adapters/embedded/prometheus-metrics.ts';
import { readAsOf } from '../../src/adapters/embedded/sqlite-features/as-of-read.ts';
import { decodeState } from '../../src/adapters/embedded/sqlite-features/entity-state.ts';
import * as featuresFile from '../../src/adapters/embedded/sqlite-features/features-file.ts';
import { FeaturesWriter } from '../../src/adapters/embedded/sqlite-features/features-writer.ts';
import { readSlotHistory } from '../../src/adapters/embedded/sqlite-features/history-read.ts';
import { readPublications } from '../../src/adapters/embedded/sqlite-windows/publications-reads.ts';
import * as windowsFile from '../../src/adapters/embedded/sqlite-windows/windows-file.ts';
import { WindowsReads } from '../../src/adapters/embedded/sqlite-windows/windows-reads.ts';
import { WindowsWriter } from '../../src/adapters/embedded/sqlite-windows/windows-writer.ts';
import { loadConfig } from '../../src/config.ts';
import { historySlotsOf, type CompiledView } from '../../src/feature-views/compiled-view.ts';
import { Surroundings } from '../../src/feature-views/surroundings.service.ts';
import { ViewRegistry } from '../../src/feature-views/view-registry.service.ts';
import { WindowCarrier } from '../../src/feature-views/window-carrier.service.ts';
import { Clock } from '../../src/ports/clock.ts';
import type { FeatureStore, SlotHistory, StoredEntity, WindowEffects } from '../../src/ports/feature-store.ts';
import type { WindowStore } from '../../src/ports/window-store.ts';
import { PlayedLog } from '../adapters/embedded/played-log.ts';
import { seeded, type Scenario } from '../adapters/embedded/sqlite-windows/stream-scenario.ts';
import { STREAMS } from '../adapters/embedded/sqlite-windows/test-streams.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const ALL = { from: undefined, to: undefined, cursor: undefined } as const;

class ScenarioClock extends Clock {
  at = 0;
  override now(): number {
    return this.at;
  }
  override monotonic(): number {
    return this.at;
  }
}

export class WindowsIntoFeatures {
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-window-features-'));
  readonly #played = new PlayedLog(this.#folder);
  readonly #clock = new ScenarioClock();
  readonly #scenario: Scenario;
  readonly #random;
  readonly #around: Surroundings;
  #windows: windowsFile.Sqlite;
  #streams: WindowsWriter;
  #features: featuresFile.Sqlite;
  #writer: FeaturesWriter;
  #registry: ViewRegistry;
  #carrier: WindowCarrier;
  #views: readonly EntityView[] = [];
  #lastChange = 0;
  /** There when the views were defined, and published from then on, in order. */
  readonly before: WindowResult[] = [];
  readonly after: WindowResult[] = [];
  compiled: CompiledView[] = [];
  kills = 0;
  #asked = 0;

  constructor(seed: number, scenario: Scenario) {
    this.#scenario = scenario;
    this.#random = seeded(seed ^ 0xfea7);
    const { features } = loadConfig({ file: undefined, environment: {}, flags: { dataDir: this.#folder } });
    const config = { ...features, historyDays: 100 };
    this.#around = new Surroundings(this.#clock, new PrometheusMetrics(), pino({ level: 'silent' }), config);
    [this.#windows, this.#streams] = this.#openWindows();
    [this.#features, this.#writer] = this.#openFeatures();
    [this.#registry, this.#carrier] = this.#compose();
  }

  /** The views are defined somewhere on the way. */
  async play(views: readonly EntityView[]): Promise<void> {
    const { deliveries } = this.#scenario;
    const definedAt = Math.floor(this.#random() * deliveries.length);
    this.#streams.adopt(Object.values(STREAMS), deliveries[0]?.receivedAt ?? 0);
    for (const [index, delivery] of deliveries.entries()) {
      this.#clock.at = Math.max(this.#clock.at, delivery.receivedAt);
      this.#played.receive(delivery);
      if (index === definedAt) await this.#define(views);
      if (this.#random() < 0.7) this.#publish();
      if (this.#random() < 0.4) await this.#carry();
      if (this.#random() < 0.05) await this.#restart();
    }
    this.#clock.at += 3 * DAY_MS;
    for (let settled = 0; settled < 3; settled += 1) {
      while (!this.#publish());
      this.#clock.at += 2 * MINUTE_MS;
    }
    while (await this.#carry());
  }

  /** Everything that is known of one entity in one view, by slot. */
  history({ viewNo, ...view }: CompiledView, entity: string): readonly SlotHistory[] {
    const slots = historySlotsOf({ viewNo, ...view }, undefined);
    return readSlotHistory(this.#features, { viewNo, entity, slots, ...ALL, limit: 100_000 }).items;
  }

  online({ viewNo }: CompiledView, entity: string): StoredEntity | undefined {
    const find = this.#features.prepare('SELECT state FROM entities WHERE view_no = ? AND entity = ?').pluck();
    const state = find.get(viewNo, entity) as Buffer | undefined;
    return state === undefined ? undefined : decodeState(state);
  }

  asOf({ viewNo, asOfSlots: slots }: CompiledView, entity: string, at: number): StoredEntity {
    const known = { pushedAt: at, streamAt: at, windowAt: at };
    return readAsOf(this.#features, { viewNo, entity, slots, at, known });
  }

  /** Questions to the store of windows, revisions that it keeps, and publications it made. */
  cost(): { readonly asked: number; readonly kept: number; readonly published: number } {
    const count = (table: string): number =>
      this.#windows.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
    return { asked: this.#asked, kept: count('publications'), published: count('changes') };
  }

  close(): void {
    this.#windows.close();
    this.#features.close();
    this.#played.close();
    rmSync(this.#folder, { recursive: true });
  }

  async #define(views: readonly EntityView[]): Promise<void> {
    for (const stream of Object.keys(STREAMS)) {
      const query = {
        stream,
        key: undefined,
        level: 'window',
        state: 'published',
        order: 'asc',
        limit: 100_000,
      } as const;
      const { items } = new WindowsReads(this.#windows).windows({ ...query, ...ALL });
      this.before.push(...items.filter(({ state }) => state === 'final'));
    }
    this.#views = views;
    await this.#adopt();
    // What is published before filling has begun is known by its newest revision alone.
    while (this.#registry.windows().some(({ slotNo }) => this.#registry.progressOf(slotNo).position < 0)) {
      await this.#carry();
    }
  }

  async #adopt(): Promise<void> {
    this.compiled = [];
    for (const view of this.#views) this.compiled.push(await this.#registry.adopt(view));
  }

  /** In one of twenty killed before it commits. @returns whether the streams are caught up */
  #publish(): boolean {
    this.#played.log.isDying = this.#random() < 0.05;
    try {
      const { isCaughtUp } = this.#streams.step(this.#clock.at, 1 + Math.floor(this.#random() * 100));
      this.#note();
      return isCaughtUp;
    } catch {
      this.kills += 1;
      this.#windows.close();
      [this.#windows, this.#streams] = this.#openWindows();
      return false;
    }
  }

  /** A step publishes a window at most once, so that right after it the rows are what was published. */
  #note(): void {
    const changes = new WindowsReads(this.#windows).changes(this.#lastChange, 100_000);
    this.#lastChange = changes.at(-1)?.change ?? this.#lastChange;
    if (this.#views.length === 0) return;
    this.after.push(...changes.map(({ result }) => result).filter(({ level }) => level === 'window'));
  }

  async #carry(): Promise<boolean> {
    try {
      return await this.#carrier.step(1 + Math.floor(this.#random() * 9));
    } catch (error) {
      if (!(error instanceof Error) || error.message !== 'killed') throw error;
      this.kills += 1;
      // Half of them are the thread alone: what the server has in memory stays.
      if (this.#random() < 0.5) await this.#restart();
      return true;
    }
  }

  /** Nothing but the files survives. */
  async #restart(): Promise<void> {
    this.#windows.close();
    this.#features.close();
    [this.#windows, this.#streams] = this.#openWindows();
    [this.#features, this.#writer] = this.#openFeatures();
    [this.#registry, this.#carrier] = this.#compose();
    await this.#adopt();
  }

  #openWindows(): [windowsFile.Sqlite, WindowsWriter] {
    const { db } = windowsFile.openForWriting(join(this.#folder, 'windows.db'), 0);
    db.pragma('synchronous = OFF');
    const writer = new WindowsWriter(db, this.#played.log);
    writer.setLabels([...this.#scenario.labels].map(([deviceId, labels]) => ({ deviceId, labels })));
    return [db, writer];
  }

  #openFeatures(): [featuresFile.Sqlite, FeaturesWriter] {
    const { db } = featuresFile.openForWriting(join(this.#folder, 'features.db'), 1e9, 0);
    db.pragma('synchronous = OFF');
    return [db, new FeaturesWriter(db)];
  }

  /** The ports without the threads in between. */
  #compose(): [ViewRegistry, WindowCarrier] {
    const features: Pick<FeatureStore, 'register' | 'applyWindows'> = {
      register: async (view, slots) => this.#writer.register(view, slots),
      applyWindows: async (effects) => this.#apply(effects),
    };
    const windows: Pick<WindowStore, 'keep' | 'publications' | 'stored'> = {
      keep: async (streams) => void this.#streams.keep(streams),
      publications: async (query) => {
        this.#asked += 1;
        return readPublications(this.#windows, query);
      },
      stored: async (query) => new WindowsReads(this.#windows).stored(query),
    };
    const registry = new ViewRegistry(features as FeatureStore);
    return [registry, new WindowCarrier(windows as WindowStore, registry, this.#around)];
  }

  /** Now and then killed in the middle of the transaction, or after it and before the answer. */
  #apply(effects: WindowEffects): { applied: number; tooLate: number } {
    const fate = this.#random();
    if (fate >= 0.15) return this.#writer.applyWindows(effects);
    if (fate >= 0.07) this.#writer.applyWindows(effects);
    else {
      const dying = {
        get viewNo(): number {
          throw new Error('killed');
        },
      };
      const values = [...effects.values, Object.assign(dying, { eventAt: Number.MAX_SAFE_INTEGER })];
      this.#writer.applyWindows({ ...effects, values: values as unknown as WindowEffects['values'] });
    }
    throw new Error('killed');
  }
}
