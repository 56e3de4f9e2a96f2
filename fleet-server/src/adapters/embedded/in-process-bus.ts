/** The message bus of one process: synchronous calls in order of subscription. */
import type { Logger } from 'pino';
import { MessageBus, type BusEvents } from '../../ports/message-bus.ts';
import type { Metrics } from '../../ports/metrics.ts';

type Listener = (payload: never) => void;

export class InProcessBus extends MessageBus {
  readonly #listeners = new Map<keyof BusEvents, Listener[]>();
  readonly #metrics: Metrics;
  readonly #log: Logger;

  constructor(metrics: Metrics, log: Logger) {
    super();
    this.#metrics = metrics;
    this.#log = log;
  }

  override emit<K extends keyof BusEvents>(event: K, payload: BusEvents[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        (listener as (payload: BusEvents[K]) => void)(payload);
      } catch (error) {
        this.#metrics.count('bus_listener_errors_total', 1, { event });
        this.#log.error({ err: error, event }, 'a bus listener threw');
      }
    }
  }

  override on<K extends keyof BusEvents>(event: K, listener: (payload: BusEvents[K]) => void): () => void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
    return () => {
      const rest = (this.#listeners.get(event) ?? []).filter((other) => other !== listener);
      this.#listeners.set(event, rest);
    };
  }
}
