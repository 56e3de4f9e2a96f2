/**
 * Where features live: the online store, the append-only history with event time and created time, and the positions in the
 * telemetry log and in the publications of windows that commit together with their effects. Values are coded numbers; a slot
 * is one kept thing of a view.
 */
import type { Pane, PushedValue } from '@shoal/models';
import type { FeatureHistoryEntry, FeatureImport, Page, RejectedRow, SkewAudit } from '@shoal/protocol';
import type { LogColumns } from './log-columns.ts';

export interface SlotSpec {
  readonly kind: 'pushed' | 'stream' | 'windows';
  /** What the slot holds, in words that two definitions share exactly when they can share the slot. */
  readonly identity: string;
}

export interface RegisteredView {
  readonly viewNo: number;
  /** Parallel to the specifications; `position` is the last applied commit of the log, or the last publication. */
  readonly slots: readonly ({ readonly slotNo: number } & WindowProgress)[];
}

/** How far a slot has followed the windows that were published. */
export interface WindowProgress {
  /** Number of the last publication whose effects are stored; -1 before the first look. */
  readonly position: number;
  /** Where filling from the windows that were there goes on; null when all of them are in. */
  readonly fill: string | null;
}

/** `createdAt` of the newest change from outside, from the log, and from windows: together they say what the state is made of. */
export interface Knowledge {
  readonly pushedAt: number;
  readonly streamAt: number;
  readonly windowAt: number;
}

/** What is held by the number of its slot. */
export interface StoredSlots {
  readonly size: number;
  get(slotNo: number): PushedValue | readonly Pane[] | undefined;
}

export interface StoredEntity extends Knowledge {
  readonly slots: StoredSlots;
}

export interface PushedWrite {
  readonly viewNo: number;
  readonly entity: string;
  /** Null: when it is stored. Later than that is moved to then. */
  readonly eventAt: number | null;
  readonly values: readonly (readonly [slotNo: number, value: number | null])[];
  /** One of these must be the entity's `pushedAt`. */
  readonly ifMatch?: readonly number[] | undefined;
}

/** `stale`: If-Match did not hold and nothing was written. */
export type PushedOutcome =
  { readonly changed: boolean; readonly pushedAt: number } | { readonly stale: true; readonly pushedAt: number };

/** A window over the log, as the store keeps it. */
export interface LogSlot {
  readonly viewNo: number;
  readonly slotNo: number;
  readonly paneMs: number;
  readonly panes: number;
}

export interface LogEffects {
  readonly lastBatchId: number;
  /** Parallel to the sources of `said`. All of them are at `lastBatchId` afterwards, also those that nothing was said to. */
  readonly slots: readonly LogSlot[];
  /** Known to the server since the records were received. Given away: nobody reads its arrays afterwards. */
  readonly said: LogColumns;
  /** Records with an earlier event time enter no window. */
  readonly keptFrom: number;
}

/** The value of one window of a stream as one revision has it, for one slot of one entity. */
export interface PublishedValue {
  readonly viewNo: number;
  readonly slotNo: number;
  readonly entity: string;
  /** The end of the window. */
  readonly eventAt: number;
  /** When that revision was published. A later revision of the same end is never older than the one before. */
  readonly createdAt: number;
  /** Null: the window has no such value, or is taken back. */
  readonly value: number | null;
}

export interface WindowEffects {
  /** Of all these slots afterwards, also of those without values. */
  readonly slotNos: readonly number[];
  readonly progress: WindowProgress;
  /** In the order of their publication. */
  readonly values: readonly PublishedValue[];
  /** Windows that ended earlier are not kept. */
  readonly keptFrom: number;
}

export interface AsOfSlot {
  readonly slotNo: number;
  readonly kind: SlotSpec['kind'];
  /** Of the kind `stream` alone. */
  readonly window: { readonly paneMs: number; readonly panes: number } | undefined;
}

export interface AsOfQuery {
  readonly viewNo: number;
  readonly entity: string;
  readonly slots: readonly AsOfSlot[];
  /** Only what happened by then. */
  readonly at: number;
  /** Only what was created by then. */
  readonly known: Knowledge;
}

export interface HistorySlot {
  readonly slotNo: number;
  readonly kind: SlotSpec['kind'];
  /** Of the kind `stream` alone. */
  readonly paneMs: number | undefined;
  readonly names: readonly string[];
}

export interface FeatureHistoryQuery {
  readonly viewNo: number;
  readonly entity: string;
  readonly slots: readonly HistorySlot[];
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** One row of the history; the reader of the port knows how the slot's features look at it. */
export interface SlotHistory extends Pick<FeatureHistoryEntry, 'eventAt' | 'createdAt'> {
  readonly slotNo: number;
  readonly held: number | null | Pane;
}

export interface ImportPart {
  readonly importId: string;
  readonly writes: readonly PushedWrite[];
  readonly rejected: readonly RejectedRow[];
}

export type SettledAudit = Omit<SkewAudit, 'id'>;

export interface PageOptions {
  readonly limit: number;
  readonly cursor: string | undefined;
}

export abstract class FeatureStore {
  /** Idempotent; numbers never change. @throws FleetError FEATURE_STORE_UNAVAILABLE, as all that write */
  abstract register(view: string, slots: readonly SlotSpec[]): Promise<RegisteredView>;
  /** On the caller's thread, in microseconds: one indexed read. Undefined: nobody ever said anything of the entity. */
  abstract read(viewNo: number, entity: string): StoredEntity | undefined;
  /** From the history, in the reader worker. */
  abstract readAsOf(query: AsOfQuery): Promise<StoredEntity>;
  /** By slot in the order asked, event time, created time. */
  abstract history(query: FeatureHistoryQuery): Promise<Page<SlotHistory>>;
  /** Resolved = on disk. Writes that wait together share a commit. */
  abstract put(write: PushedWrite): Promise<PushedOutcome>;
  /** Effects and position in one transaction. @returns how many records entered a window, and how many came too late */
  abstract applyLog(effects: LogEffects): Promise<{ readonly applied: number; readonly tooLate: number }>;
  /** Values and progress in one transaction. @returns how many values are stored, and how many are of windows too long ago */
  abstract applyWindows(effects: WindowEffects): Promise<{ readonly applied: number; readonly tooLate: number }>;
  /** @returns false when there is an import of this id already */
  abstract beginImport(importId: string, view: string): Promise<boolean>;
  /** Rows, their counts and what was refused, in one transaction. */
  abstract importRows(part: ImportPart): Promise<void>;
  abstract endImport(importId: string, state: 'completed' | 'interrupted'): Promise<FeatureImport>;
  abstract findImport(importId: string): Promise<FeatureImport | undefined>;
  abstract listImports(page: PageOptions): Promise<Page<FeatureImport>>;
  abstract listRejected(importId: string, page: PageOptions): Promise<Page<RejectedRow>>;
  abstract saveAudits(audits: readonly SettledAudit[]): Promise<void>;
  abstract listAudits(
    page: PageOptions & { readonly result: string | undefined; readonly view: string | undefined },
  ): Promise<Page<SkewAudit>>;
  /** Everything of one entity in these views: state, history, audits. Can be repeated when it broke off. */
  abstract erase(viewNos: readonly number[], entity: string): Promise<void>;
  /** Drops panes and values of windows created before. @returns rows dropped */
  abstract dropWindowsBefore(createdAt: number): Promise<number>;
}
