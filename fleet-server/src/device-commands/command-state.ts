/** The life of a command as a table: which event leads from which state to which. */
import type { CommandState, DeviceCommand, JsonObject } from '@shoal/protocol';

export type CommandEvent =
  | { readonly event: 'sent'; readonly at: number }
  | { readonly event: 'acknowledged'; readonly at: number }
  | ({ readonly event: 'succeeded' | 'failed' | 'unsupported' | 'expired'; readonly at: number } & CommandReport);

export interface CommandReport {
  readonly result: JsonObject | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

type Table = Readonly<Record<CommandState, Partial<Readonly<Record<CommandEvent['event'], CommandState>>>>>;

const OUTCOMES = { succeeded: 'succeeded', failed: 'failed', unsupported: 'unsupported' } as const;

/**
 * An event that a state does not list changes nothing. What a device says outweighs what the server presumed: an
 * outcome that arrives after the expiry is the truth, an outcome is never replaced by another.
 */
export const COMMAND_TABLE: Table = {
  queued: { sent: 'sent', acknowledged: 'acknowledged', expired: 'expired', ...OUTCOMES },
  sent: { acknowledged: 'acknowledged', expired: 'expired', ...OUTCOMES },
  acknowledged: { expired: 'expired', ...OUTCOMES },
  expired: OUTCOMES,
  succeeded: {},
  failed: {},
  unsupported: {},
};

/** Waiting for something that can still come before the expiry. */
export const isOpen = (state: CommandState): boolean => COMMAND_TABLE[state].expired !== undefined;

/** @returns the same object when the event changes nothing */
export const advance = (command: DeviceCommand, event: CommandEvent): DeviceCommand => {
  const stamped = stamp(command, event);
  const state = COMMAND_TABLE[command.state][event.event];
  if (state === undefined) return stamped;
  if (event.event === 'sent' || event.event === 'acknowledged') return { ...stamped, state };
  return { ...stamped, state, finishedAt: event.at, result: event.result, error: event.error };
};

/** The first time something happened is kept, also when it is heard of late. */
const stamp = (command: DeviceCommand, { event, at }: CommandEvent): DeviceCommand => {
  if (event === 'sent' && command.sentAt === null) return { ...command, sentAt: at };
  if (event === 'acknowledged' && command.acknowledgedAt === null) return { ...command, acknowledgedAt: at };
  return command;
};
