/** Whether a device is there, as a table of transitions over births, wills and connections. */
import type { Will } from '@shoal/protocol';

export type Presence =
  /** Registered by hand; has not connected yet. */
  | { readonly kind: 'never-connected'; readonly since: number }
  /** The server started at `since` and has not heard from the device. */
  | { readonly kind: 'unknown'; readonly since: number }
  | { readonly kind: 'online'; readonly connectionId: string; readonly socketId: number; readonly since: number }
  | {
      readonly kind: 'offline';
      readonly connectionId: string;
      readonly reason: Will['reason'];
      /** What ended the connection, for people; empty when nobody said. */
      readonly why: string;
      readonly since: number;
    };

export type PresenceEvent =
  | { readonly event: 'born'; readonly connectionId: string; readonly socketId: number; readonly at: number }
  | { readonly event: 'willed'; readonly connectionId: string; readonly reason: Will['reason']; readonly at: number }
  | { readonly event: 'disconnected'; readonly socketId: number; readonly why: string; readonly at: number };

type Transition<E extends PresenceEvent['event']> = (
  presence: Presence,
  event: Extract<PresenceEvent, { event: E }>,
) => Presence;

const TRANSITIONS: { readonly [E in PresenceEvent['event']]: Transition<E> } = {
  /** The newest connection counts: sockets are numbered in order, a birth of an older one comes too late. */
  born: (presence, { connectionId, socketId, at }) => {
    if (presence.kind === 'online' && presence.socketId > socketId) return presence;
    const again = presence.kind === 'online' && presence.connectionId === connectionId;
    return { kind: 'online', connectionId, socketId, since: again ? presence.since : at };
  },
  /** A will of another connection than the present one is late and ignored; a farewell outweighs a lost connection. */
  willed: (presence, { connectionId, reason, at }) => {
    if (presence.kind === 'online' && presence.connectionId === connectionId) {
      return { kind: 'offline', connectionId, reason, why: '', since: at };
    }
    const farewell = reason === 'stopped' && presence.kind === 'offline' && presence.connectionId === connectionId;
    return farewell ? { ...presence, reason } : presence;
  },
  disconnected: (presence, { socketId, why, at }) => {
    if (presence.kind === 'online' && presence.socketId === socketId) {
      return { kind: 'offline', connectionId: presence.connectionId, reason: 'lost', why, since: at };
    }
    return presence;
  },
};

/** @returns the same object when the event changes nothing */
export const nextPresence = (presence: Presence, event: PresenceEvent): Presence => {
  const transition = TRANSITIONS[event.event] as Transition<PresenceEvent['event']>;
  return transition(presence, event);
};
