/** The last live events in memory, numbered without holes, so that a client that was away for a moment misses nothing. */
import type { LiveTopic } from '@shoal/protocol';

export interface LiveEvent {
  readonly topic: LiveTopic;
  /** null: not about one device. */
  readonly deviceId: string | null;
  /** JSON text. */
  readonly data: string;
}

export interface NumberedEvent extends LiveEvent {
  readonly number: number;
}

export type Resumption =
  | { readonly kind: 'resumed'; readonly missed: readonly NumberedEvent[] }
  /** What came in between is no longer known. */
  | { readonly kind: 'gap' };

export class LiveRing {
  private readonly capacity: number;
  /** Event `n` is at `n % capacity`. */
  private readonly events: (NumberedEvent | undefined)[] = [];
  private first = 1;
  private next = 1;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Number of the newest event; 0 before the first. */
  get last(): number {
    return this.next - 1;
  }

  push(event: LiveEvent): NumberedEvent {
    const numbered = { ...event, number: this.next };
    this.events[this.next % this.capacity] = numbered;
    this.next += 1;
    this.first = Math.max(this.first, this.next - this.capacity);
    return numbered;
  }

  /** Forgets everything and leaves a hole, so that nobody resumes across a time in which events were not kept. */
  clear(): void {
    this.events.length = 0;
    this.next += 1;
    this.first = this.next;
  }

  /** What came after event `number`. */
  since(number: number): Resumption {
    if (number > this.last || number + 1 < this.first) return { kind: 'gap' };
    const missed: NumberedEvent[] = [];
    for (let n = number + 1; n < this.next; n += 1) {
      const event = this.events[n % this.capacity];
      if (event) missed.push(event);
    }
    return { kind: 'resumed', missed };
  }
}
