/** The reasons why the device is not in full health, each with the instant it began. */
import type { HealthReason } from '@shoal/protocol/wire';
import type { Clock } from '../runtime.ts';
import type { HealthBoard } from './health-board.port.ts';

const MAX_REASONS = 32;
const MAX_SENTENCE = 512;

export class ReasonBoard implements HealthBoard {
  readonly #clock: Clock;
  readonly #reasons = new Map<string, HealthReason>();
  readonly #listeners: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  raise(code: string, subject: string, sentence: string): void {
    const key = `${code} ${subject}`;
    const before = this.#reasons.get(key);
    const text = sentence.slice(0, MAX_SENTENCE);
    if (before?.sentence === text) return;
    this.#reasons.set(key, { code, sentence: text, since: before?.since ?? this.#clock.now() });
    this.#tell();
  }

  clear(code: string, subject: string): void {
    if (this.#reasons.delete(`${code} ${subject}`)) this.#tell();
  }

  reasons(): readonly HealthReason[] {
    return [...this.#reasons.values()].sort((a, b) => a.since - b.since).slice(0, MAX_REASONS);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
