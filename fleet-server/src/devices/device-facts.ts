/** Everything the registry knows of one device. */
import type { Birth, Labels } from '@shoal/protocol';
import type { Presence } from './presence.ts';
import type { ReportedFacts } from './reported-facts.ts';

export interface TwinFacts {
  readonly version: number;
  readonly appliedVersion: number;
  readonly reported: ReportedFacts;
}

export interface DeviceFacts {
  readonly deviceId: string;
  readonly labels: Labels;
  /** Of what people edit (the labels). */
  readonly revision: number;
  readonly registeredAt: number;
  readonly firstSeenAt: number | null;
  readonly birth: Birth | null;
  readonly presence: Presence;
  readonly twin: TwinFacts;
  /** Since when the times of its records cannot be believed; null while they can. */
  readonly clockBadSince: number | null;
}

export const NO_TWIN: TwinFacts = { version: 0, appliedVersion: 0, reported: {} };
