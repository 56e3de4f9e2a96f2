/**
 * Which device is on which socket: the registry's own count, kept by the life of the socket, because Aedes forgets a
 * client when an older one with the same id closes late (aedes#1023).
 */
import type { Client } from 'aedes';
import type { Principal, UpTopic } from '@shoal/protocol';
import { filterMatches } from './topic-filter.ts';
import type { TokenBucket } from './token-bucket.ts';

export interface Session {
  readonly principal: Principal;
  readonly client: Client;
  readonly socketId: number;
  readonly remoteAddress: string;
  readonly messages: TokenBucket;
  readonly records: TokenBucket;
  /** Parsed topics this device uses; a device has few, and each costs a parse once. */
  readonly topics: Map<string, UpTopic>;
  readonly filters: Set<string>;
  /** What is about to end it, when the server does. */
  endingBecause: string | undefined;
}

export class SessionRegistry {
  readonly #byClient = new WeakMap<Client, Session>();
  readonly #devices = new Map<string, Session>();
  readonly #listeners = new Set<Session>();
  #sessions = 0;

  get size(): number {
    return this.#sessions;
  }

  get deviceCount(): number {
    return this.#devices.size;
  }

  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /** Known from authentication on, registered or not: a will and a late publish still need their principal. */
  introduce(session: Session): void {
    this.#byClient.set(session.client, session);
  }

  of(client: Client | null): Session | undefined {
    return client === null ? undefined : this.#byClient.get(client);
  }

  device(deviceId: string): Session | undefined {
    return this.#devices.get(deviceId);
  }

  /** @returns the device's older session, when its socket still stands: the caller closes it [MQTT-3.1.4-2] */
  register(session: Session): Session | undefined {
    this.#sessions += 1;
    if (session.principal.kind !== 'device') return undefined;
    const older = this.#devices.get(session.principal.id);
    this.#devices.set(session.principal.id, session);
    return older;
  }

  /** Called once per registered session when its socket is gone. */
  remove(session: Session): void {
    this.#sessions -= 1;
    this.#listeners.delete(session);
    if (this.#devices.get(session.principal.id) === session) this.#devices.delete(session.principal.id);
  }

  subscribed(session: Session, filters: readonly string[]): void {
    for (const filter of filters) session.filters.add(filter);
    if (session.principal.kind !== 'device' && session.filters.size > 0) this.#listeners.add(session);
  }

  unsubscribed(session: Session, filters: readonly string[]): void {
    for (const filter of filters) session.filters.delete(filter);
    if (session.filters.size === 0) this.#listeners.delete(session);
  }
}

export const isSubscribed = (session: Session, topic: string): boolean => {
  for (const filter of session.filters) if (filterMatches(filter, topic)) return true;
  return false;
};
