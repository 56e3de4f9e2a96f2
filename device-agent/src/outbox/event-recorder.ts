/** Puts events into the outbox, each in the class that its severity deserves. */
import { BOUNDS, type EventKind, type PriorityClass, type Severity } from '@shoal/protocol/wire';
import type { Clock, Logger } from '../runtime.ts';
import type { EventFacts, EventRecorder } from './event-recorder.port.ts';
import type { Outbox } from './outbox.port.ts';

/** What a person must see survives longest and is never held back; what only tells the story waits with predictions. */
const CLASS_OF: Readonly<Record<Severity, PriorityClass>> = {
  alarm: 'alarm',
  error: 'alarm',
  warning: 'alarm',
  info: 'prediction',
  debug: 'debug',
};
const LOG_LEVEL = { alarm: 'warn', error: 'error', warning: 'warn', info: 'info', debug: 'debug' } as const;

const cut = (value: EventFacts[string]): EventFacts[string] =>
  typeof value === 'string' ? value.slice(0, BOUNDS.stringChars) : Number.isNaN(value) ? null : value;

export class OutboxEventRecorder implements EventRecorder {
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #recorded = 0;

  constructor(outbox: Outbox, clock: Clock, logger: Logger) {
    this.#outbox = outbox;
    this.#clock = clock;
    this.#logger = logger;
  }

  get recorded(): number {
    return this.#recorded;
  }

  record(kind: EventKind, severity: Severity, message: string, facts: EventFacts = {}): void {
    const data = Object.fromEntries(
      Object.entries(facts)
        .slice(0, BOUNDS.valuesPerRecord)
        .map(([name, value]) => [name, cut(value)]),
    );
    const text = message.slice(0, BOUNDS.stringChars);
    const body = { observedAt: this.#clock.now(), kind, severity, message: text };
    this.#recorded += 1;
    this.#logger[LOG_LEVEL[severity]]({ kind, ...data }, text);
    this.#outbox.enqueue({
      kind: 'events',
      priority: CLASS_OF[severity],
      body: Object.keys(data).length > 0 ? { ...body, data } : body,
    });
  }
}
