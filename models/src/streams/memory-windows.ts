/** Windows of one stream in memory: what a dry run works on. */
import { windowName, type HeldWindow, type WindowBook, type WindowId, type WindowSource } from './window-book.ts';

export class MemoryWindows implements WindowSource {
  readonly #windows = new Map<string, HeldWindow>();

  get size(): number {
    return this.#windows.size;
  }

  /** In no particular order. */
  all(): Iterable<HeldWindow> {
    return this.#windows.values();
  }

  store(book: WindowBook): void {
    const { changed, removed } = book.takeChanges();
    for (const window of changed) this.#windows.set(windowName(window), window);
    for (const id of removed) this.#windows.delete(windowName(id));
  }

  find(id: WindowId): HeldWindow | undefined {
    return this.#windows.get(windowName(id));
  }

  sessions(key: string, from: number, to: number): HeldWindow[] {
    return this.#ofKey(key).filter(({ start, end, isRetracted }) => !isRetracted && start < to && end > from);
  }

  newest(key: string): HeldWindow | undefined {
    return this.#ofKey(key).at(-1);
  }

  #ofKey(key: string): HeldWindow[] {
    return [...this.#windows.values()]
      .filter((window) => window.level === 0 && window.key === key)
      .toSorted((a, b) => a.start - b.start);
  }
}
