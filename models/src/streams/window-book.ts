/** The windows of one stream as the reducer sees them: some held in memory, the others loaded when they are asked for. */
import { getOrMake } from './get-or-make.ts';
import type { WindowState } from './window-state.ts';

/** 0 is the window of the definition, 1 the hour, 2 the day. */
export type Level = 0 | 1 | 2;

export interface WindowId {
  readonly level: Level;
  readonly key: string;
  /** Event time; of a count window its number. */
  readonly start: number;
}

export interface HeldWindow extends WindowId {
  /** Exclusive, in event time. */
  end: number;
  state: WindowState;
  /** 0 until it is published first. */
  revision: number;
  /** Published, and nothing is held back: a change from now on is a revision. */
  isFinal: boolean;
  /** A session that was joined with an earlier one. */
  isRetracted: boolean;
}

/** Where windows come from that are not in memory. */
export interface WindowSource {
  find(id: WindowId): HeldWindow | undefined;
  /** Not retracted, with `start` before `to` and `end` after `from`; by start. */
  sessions(key: string, from: number, to: number): HeldWindow[];
  /** The count window of the highest number. */
  newest(key: string): HeldWindow | undefined;
}

export interface WindowChanges {
  readonly changed: readonly HeldWindow[];
  readonly removed: readonly WindowId[];
}

export const windowName = ({ level, key, start }: WindowId): string => `${level}/${start}/${key}`;

/** Windows in memory beyond those that are open. */
const CACHED = 20_000;

/**
 * Holds every open window and some of the others. `put` says that a window was made or changed, `remove` that it never was;
 * `takeChanges` is what has to be stored.
 */
export class WindowBook {
  readonly #source: WindowSource;
  readonly #held = new Map<string, HeldWindow>();
  readonly #open = new Map<string, Map<string, HeldWindow>>();
  readonly #changed = new Map<string, Map<string, HeldWindow>>();
  readonly #removed = new Map<string, WindowId>();
  /** Of the keys that were asked for their newest. */
  readonly #newest = new Map<string, HeldWindow>();
  #openCount = 0;

  constructor(source: WindowSource, open: Iterable<HeldWindow> = []) {
    this.#source = source;
    for (const window of open) this.#hold(window);
  }

  get openCount(): number {
    return this.#openCount;
  }

  find(id: WindowId): HeldWindow | undefined {
    const name = windowName(id);
    const held = this.#held.get(name);
    if (held !== undefined || this.#removed.has(name)) return held;
    const loaded = this.#source.find(id);
    if (loaded !== undefined) this.#hold(loaded);
    return loaded;
  }

  /** Sessions that lie at least partly in `[from, to)`, by start. */
  sessions(key: string, from: number, to: number): HeldWindow[] {
    const found = new Map<string, HeldWindow>();
    for (const stored of this.#source.sessions(key, from, to)) {
      const name = windowName(stored);
      // What is in memory is newer than what is stored.
      if (!this.#removed.has(name)) found.set(name, this.#held.get(name) ?? stored);
    }
    for (const [name, window] of this.#changed.get(key) ?? []) if (window.level === 0) found.set(name, window);
    return [...found.values()]
      .filter(({ start, end, isRetracted }) => !isRetracted && start < to && end > from)
      .toSorted((a, b) => a.start - b.start)
      .map((window) => this.#hold(window));
  }

  newest(key: string): HeldWindow | undefined {
    const known = this.#newest.get(key);
    if (known !== undefined) return known;
    const stored = this.#source.newest(key);
    const newest = stored === undefined ? undefined : this.find(stored);
    if (newest !== undefined) this.#newest.set(key, newest);
    return newest;
  }

  put(window: HeldWindow): void {
    this.#hold(window);
    const name = windowName(window);
    getOrMake(this.#changed, window.key, () => new Map<string, HeldWindow>()).set(name, window);
    this.#removed.delete(name);
  }

  /** As `put`, of a window that follows the newest of its key. */
  putNewest(window: HeldWindow): void {
    this.put(window);
    this.#newest.set(window.key, window);
  }

  /** Of a window that was never published. */
  remove(window: HeldWindow): void {
    const name = windowName(window);
    this.#release(name, window);
    this.#held.delete(name);
    this.#changed.get(window.key)?.delete(name);
    this.#removed.set(name, window);
  }

  keysWithOpen(): Iterable<string> {
    return this.#open.keys();
  }

  openOf(key: string): Iterable<HeldWindow> {
    return this.#open.get(key)?.values() ?? [];
  }

  /** Since the last call. */
  takeChanges(): WindowChanges {
    const changed = [...this.#changed.values()].flatMap((ofKey) => [...ofKey.values()]);
    const removed = [...this.#removed.values()];
    this.#changed.clear();
    this.#removed.clear();
    if (this.#held.size - this.#openCount > CACHED) {
      for (const [name, window] of this.#held) if (window.isFinal) this.#held.delete(name);
    }
    return { changed, removed };
  }

  #hold(window: HeldWindow): HeldWindow {
    const name = windowName(window);
    this.#held.set(name, window);
    if (window.isFinal) {
      this.#release(name, window);
      return window;
    }
    const ofKey = getOrMake(this.#open, window.key, () => new Map<string, HeldWindow>());
    if (!ofKey.has(name)) this.#openCount += 1;
    ofKey.set(name, window);
    return window;
  }

  #release(name: string, { key }: WindowId): void {
    const ofKey = this.#open.get(key);
    if (ofKey?.delete(name) !== true) return;
    this.#openCount -= 1;
    if (ofKey.size === 0) this.#open.delete(key);
  }
}
