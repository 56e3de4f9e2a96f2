/**
 * NestJS' way to the gateway: finds the handlers of the event patterns and makes their promises the acknowledgement.
 * Nest's own transports log a failing event handler and go on; here a failure must reach the device.
 */
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { UP, type UpMessage } from '../../../ports/device-gateway.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import type { AedesGateway } from './aedes-gateway.ts';

export class DeviceTransportStrategy extends Server implements CustomTransportStrategy {
  override readonly propagatesEventHandlerErrors = true;
  readonly #gateway: AedesGateway;
  readonly #metrics: Metrics;

  constructor(gateway: AedesGateway, metrics: Metrics) {
    super();
    this.#gateway = gateway;
    this.#metrics = metrics;
  }

  override listen(callback: (error?: unknown) => void): void {
    this.#gateway
      .start({
        records: (messages) => this.#records(messages),
        single: async (pattern, data) => {
          await this.#call(pattern, data);
        },
      })
      .then(() => callback(), callback);
  }

  override async close(): Promise<void> {
    await this.#gateway.stop();
  }

  override on(): void {
    // The gateway's events are event patterns.
  }

  override unwrap<T>(): T {
    return this.#gateway as T;
  }

  async #records(messages: readonly UpMessage[]): Promise<readonly number[]> {
    return (await this.#call(UP.records, messages)) as readonly number[];
  }

  async #call(pattern: string, data: unknown): Promise<unknown> {
    const handler = this.messageHandlers.get(pattern);
    if (handler === undefined) {
      this.#metrics.count('messages_unhandled_total', 1, { pattern });
      return [];
    }
    return settle(handler, data);
  }
}

/** A Nest handler answers with a value, or with a stream whose last value counts and whose error is the failure. */
const settle = async (handler: MessageHandler, data: unknown): Promise<unknown> => {
  const answer: unknown = await handler(data);
  return isObservable(answer) ? lastValueFrom(answer, { defaultValue: undefined }) : answer;
};
