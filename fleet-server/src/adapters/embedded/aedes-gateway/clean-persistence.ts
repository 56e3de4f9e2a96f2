/**
 * What Aedes wants of a persistence, for sessions that end with their connection: no subscriptions, wills or queues
 * outlive a socket, because the server's own tables answer for everything that must. Only retained messages that the
 * server itself publishes on public topics are kept, until it publishes anew.
 */
import { Readable } from 'node:stream';
import type { AedesPublishPacket, Client } from 'aedes';
import { filterMatches } from './topic-filter.ts';

const RETAINED_TOPICS = 10_000;

const nothing = (): Promise<void> => Promise.resolve();

export class CleanPersistence {
  readonly #retained = new Map<string, AedesPublishPacket>();

  // Aedes insists on a function declared async.
  async setup(): Promise<void> {}

  storeRetained(packet: AedesPublishPacket): Promise<void> {
    this.#retained.delete(packet.topic);
    if (packet.payload.length > 0) this.#retained.set(packet.topic, packet);
    const oldest = this.#retained.size > RETAINED_TOPICS ? this.#retained.keys().next().value : undefined;
    if (oldest !== undefined) this.#retained.delete(oldest);
    return Promise.resolve();
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    const matches = (topic: string): boolean => filters.some((filter) => filterMatches(filter, topic));
    return Readable.from([...this.#retained.values()].filter((packet) => matches(packet.topic)));
  }

  subscriptionsByTopic(): Promise<never[]> {
    return Promise.resolve([]);
  }
  subscriptionsByClient(): Promise<never[]> {
    return Promise.resolve([]);
  }
  addSubscriptions = nothing;
  removeSubscriptions = nothing;
  cleanSubscriptions = nothing;

  putWill = nothing;
  delWill = nothing;
  streamWill(): Readable {
    return Readable.from([]);
  }

  outgoingEnqueue = nothing;
  outgoingEnqueueCombi = nothing;
  outgoingUpdate = nothing;
  outgoingClearMessageId(_client: Client, packet: unknown): Promise<unknown> {
    return Promise.resolve(packet);
  }
  outgoingStream(): Readable {
    return Readable.from([]);
  }

  /** QoS 2 is refused before it comes here. */
  incomingGetPacket(): Promise<never> {
    return Promise.reject(new Error('no QoS 2 packets are kept'));
  }
  incomingStorePacket = nothing;
  incomingDelPacket = nothing;
  cleanIncoming = nothing;
}
