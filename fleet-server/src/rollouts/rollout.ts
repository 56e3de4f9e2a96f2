/** A rollout and its devices as they are stored: everything that a decision is made from. */
import type { RolloutCause, RolloutDefinition, RolloutDeviceState, RolloutState } from '@shoal/protocol';

/** The release as it was when the rollout was made; a release never changes. */
export interface RolloutRelease {
  readonly version: string;
  readonly target: string;
  readonly sha256: string;
  readonly lengthBytes: number;
  readonly releaseCounter: number;
  readonly digest: string;
}

export interface StageProgress {
  readonly openedAt: number | null;
  readonly soakingSince: number | null;
  readonly passedAt: number | null;
  /** Failures that somebody has seen and gone on after: they count no more. */
  readonly forgiven: number;
  /** Somebody went on although its models fell short: only further failures stop this stage. */
  readonly isOverruled: boolean;
}

/** Assignments that may still be made, as a bucket that fills with time. */
export interface RateState {
  readonly tokens: number;
  readonly at: number;
}

/** What becomes of devices that are brought back, and what the rollout is afterwards. */
export interface Rollback {
  readonly scope: 'stage' | 'all';
}

export interface RolloutRecord {
  readonly rolloutId: string;
  readonly definition: RolloutDefinition;
  readonly release: RolloutRelease;
  readonly state: RolloutState;
  /** Index into the stages of the definition. */
  readonly stage: number;
  readonly stages: readonly StageProgress[];
  readonly cause: RolloutCause | null;
  readonly rollback: Rollback | null;
  readonly rate: RateState | null;
  /** Order of starts: the newest of a model wins. 0 before the start. */
  readonly ordinal: number;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly approvedBy: string | null;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly revision: number;
}

export const UNOPENED: StageProgress = {
  openedAt: null,
  soakingSince: null,
  passedAt: null,
  forgiven: 0,
  isOverruled: false,
};

/** Of control devices. */
export const CONTROL = -1;

/** What the device has shown of its update, as far as gates look at it. */
export interface Evidence {
  readonly p95Ms?: number;
  readonly windows?: number;
  readonly agreementPpm?: number;
}

export interface RolloutDevice {
  readonly deviceId: string;
  /** Index of the stage, or CONTROL. */
  readonly stage: number;
  readonly hardwareClass: string;
  readonly state: RolloutDeviceState;
  /** Raised with every new assignment, so that a device tells one from the other. */
  readonly attempt: number;
  /** What it ran when it was assigned; null when it ran none. */
  readonly before: { readonly version: string; readonly digest: string | null } | null;
  readonly assignedAt: number | null;
  /** Its time runs from here: the assignment, its return, or the end of its wait for a window. */
  readonly clockAt: number | null;
  readonly hasBegun: boolean;
  readonly executedAt: number | null;
  readonly cause: RolloutCause | null;
  readonly evidence: Evidence;
}

export interface TimelineEntry {
  readonly kind: string;
  /** From 1; 0 for the whole rollout, and for control. */
  readonly stage: number;
  readonly deviceId: string | null;
  readonly cause: RolloutCause | null;
}

export const deploymentOf = (rolloutId: string, attempt: number, isRollback: boolean): string =>
  `${rolloutId}.${attempt}${isRollback ? '.back' : ''}`;

/** @returns undefined for a deployment that is of no rollout */
export const rolloutOf = (deploymentId: string): string | undefined => /^(r-[0-9a-f]{16})\./.exec(deploymentId)?.[1];

export const newDevice = (
  { deviceId, hardwareClass }: { readonly deviceId: string; readonly hardwareClass: string },
  stage: number,
): RolloutDevice => ({
  deviceId,
  stage,
  hardwareClass,
  state: stage === CONTROL ? 'control' : 'pending',
  attempt: 0,
  before: null,
  assignedAt: null,
  clockAt: null,
  hasBegun: false,
  executedAt: null,
  cause: null,
  evidence: {},
});

export const ENDED: readonly RolloutState[] = ['completed', 'rolled-back', 'aborted'];
