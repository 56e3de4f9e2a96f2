/** Where parts record what happened to the device. */
import type { EventKind, Severity } from '@shoal/protocol/wire';

export type EventFacts = Readonly<Record<string, number | string | boolean | null>>;

export interface EventRecorder {
  /** `message` is a sentence for people, `facts` are for machines; both are cut to the bounds of the contract. */
  record(kind: EventKind, severity: Severity, message: string, facts?: EventFacts): void;
}
