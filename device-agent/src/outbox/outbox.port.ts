/** The outbox as the rest of the agent sees it: where records wait, durably and within bounds, until the server has them. */
import type { PriorityClass, RecordKind, RecordOfKind } from '@shoal/protocol/wire';

/** A record before it has its sequence. */
export type RecordBody<K extends RecordKind = RecordKind> = K extends RecordKind
  ? Omit<RecordOfKind[K], 'sequence'>
  : never;

export interface NewRecord<K extends RecordKind = RecordKind> {
  readonly kind: K;
  readonly priority: PriorityClass;
  readonly body: RecordBody<K>;
}

/** Why a record left the outbox without reaching the server. */
export const DROP_REASONS = ['bytes', 'age', 'count', 'memory', 'oversize', 'quarantine'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Records lost by class and reason since the epoch began: evicted, and not acknowledged afterwards after all. */
export type DropCounts = Readonly<Partial<Record<PriorityClass, Readonly<Partial<Record<DropReason, number>>>>>>;

export type OutboxHealth = 'ok' | 'disk-full' | 'failing';

export interface OutboxState {
  readonly epoch: string;
  /** Highest sequence whose record is on disk, or was before it was acknowledged or evicted; 0 when none. */
  readonly lastCommittedSequence: number;
  /** Committed records that the server has not acknowledged. */
  readonly depth: number;
  /** Bytes of their content, as counted against `maxBytes`. */
  readonly sizeBytes: number;
  readonly depthByClass: Readonly<Record<PriorityClass, number>>;
  /** Highest committed sequence of each class in the outbox or gone from it; 0 when none. */
  readonly highestByClass: Readonly<Record<PriorityClass, number>>;
  /** Records in memory that no commit has covered yet: what a power cut would cost. */
  readonly uncommitted: number;
  readonly dropped: DropCounts;
  readonly health: OutboxHealth;
}

export interface StoredRecord {
  readonly sequence: number;
  readonly kind: RecordKind;
  /** JSON text of the body, without its sequence. */
  readonly body: string;
}

/** Sequences `first` to `last`, both included, of one class. */
export interface KeyRange {
  readonly priority: PriorityClass;
  readonly first: number;
  readonly last: number;
}

/** The server has the `records` records that were sent of this range; some may have been evicted meanwhile. */
export interface Acknowledgement extends KeyRange {
  readonly records: number;
}

export interface ReadRequest extends KeyRange {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

export interface OutboxListener {
  /** Every record as it comes, whether it can be kept or not. */
  enqueued?(record: NewRecord): void;
  /** After a commit: more can be read. */
  committed?(): void;
  /** After the server was found to have records: they count no more, and are deleted with the next commit. */
  acknowledged?(): void;
  /** After records were lost, with what was added to the counters. */
  dropped?(added: DropCounts): void;
  healthChanged?(health: OutboxHealth, sentence: string): void;
  /** A damaged file was set aside; the epoch is a new one. */
  quarantined?(keptAs: string): void;
}

export interface Outbox {
  /** Takes a record into memory at once; it is durable with the next group commit. Never throws for a full disk. */
  enqueue(record: NewRecord): void;
  /** Resolves at once unless commits lag behind: for sources that can wait. */
  ready(): Promise<void>;
  /** Resolves when everything enqueued before is on disk, or when the disk refuses it. */
  flush(): Promise<void>;
  /** Committed, unacknowledged records of one class in ascending sequence; at least one when there is one, whatever its size. */
  read(request: ReadRequest): Promise<readonly StoredRecord[]>;
  /** The server has these: they are deleted with the next commit. Losing this to a power cut only means sending again. */
  acknowledge(acknowledgement: Acknowledgement): void;
  /** What is waiting belongs to a new epoch from now on: this outbox turned out to be an older copy. */
  beginEpoch(): Promise<void>;
  state(): OutboxState;
  listen(listener: OutboxListener): void;
}
