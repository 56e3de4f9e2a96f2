/** Decides what Home Assistant has to be told of one device, from what it was told before. */
import type { Device } from '@shoal/protocol';

/** The label with which a device opts in; `home-assistant=no` (or `off`, `false`) opts out as its absence does. */
const LABEL = 'home-assistant';
const NO = new Set(['no', 'off', 'false']);

export const isOptedIn = ({ labels }: Pick<Device, 'labels'>): boolean => {
  const value = Object.hasOwn(labels, LABEL) ? labels[LABEL] : undefined;
  return value !== undefined && !NO.has(value.toLowerCase());
};

/** The text of each message; undefined: nothing, or nothing that this process knows of. */
export interface Messages {
  readonly config: string | undefined;
  readonly state: string | undefined;
}

/** What the table has of the device. */
export interface Recorded {
  readonly config: string;
  readonly withdrawnAt: number | null;
}

export type Step =
  /** Before anything is told. */
  | { readonly kind: 'record'; readonly config: string }
  | { readonly kind: 'record-withdrawal' }
  | { readonly kind: 'tell'; readonly topic: 'config' | 'state'; readonly text: string }
  /** Empty retained messages: nothing is left for whoever subscribes later. */
  | { readonly kind: 'withdraw' };

/**
 * In this order. `wanted` has both messages of a device that is shown, and none of one that is not; `told` is what is retained
 * by the broker of this process, which starts with nothing.
 */
export const nextSteps = (wanted: Messages, told: Messages, recorded: Recorded | undefined): readonly Step[] => {
  if (wanted.config === undefined || wanted.state === undefined) {
    const isShown = recorded !== undefined && recorded.withdrawnAt === null;
    if (isShown) return [{ kind: 'record-withdrawal' }, { kind: 'withdraw' }];
    return told.config === undefined ? [] : [{ kind: 'withdraw' }];
  }
  const steps: Step[] = [];
  if (recorded?.config !== wanted.config || recorded.withdrawnAt !== null) {
    steps.push({ kind: 'record', config: wanted.config });
  }
  // The state first: an entity that is new finds it when it subscribes.
  if (told.state !== wanted.state) steps.push({ kind: 'tell', topic: 'state', text: wanted.state });
  if (told.config !== wanted.config) steps.push({ kind: 'tell', topic: 'config', text: wanted.config });
  return steps;
};
