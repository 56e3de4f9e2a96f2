/** What the outbox and its writing thread say to each other. */
import type { PriorityClass, RecordKind } from '@shoal/protocol/wire';
import type { OutboxBounds } from './eviction-policy.ts';
import type { Acknowledgement, DropCounts, ReadRequest, StoredRecord } from './outbox.port.ts';

export interface WriterOptions {
  /** Path of the SQLite file. */
  readonly file: string;
  readonly bounds: OutboxBounds;
}

/** One record on its way to disk; `body` is JSON text without the sequence. */
export interface RecordToStore {
  readonly priority: PriorityClass;
  readonly kind: RecordKind;
  readonly createdAt: number;
  readonly body: string;
  readonly sizeBytes: number;
}

/** One transaction: acknowledged ranges go, records come in order, counters move, bounds are enforced. */
export interface CommitRequest {
  readonly records: readonly RecordToStore[];
  readonly acknowledged: readonly Acknowledgement[];
  /** Lost before they reached the file. */
  readonly dropped: DropCounts;
  /** For the age bound; null when the clock is not to be trusted. */
  readonly now: number | null;
}

export type WriterRequest =
  | { readonly op: 'commit'; readonly commit: CommitRequest }
  | { readonly op: 'read'; readonly read: ReadRequest }
  | { readonly op: 'begin-epoch' }
  | { readonly op: 'close' };

/** The file as it is after a request. */
export interface FileState {
  readonly epoch: string;
  readonly lastSequence: number;
  readonly depthByClass: Readonly<Record<PriorityClass, number>>;
  readonly highestByClass: Readonly<Record<PriorityClass, number>>;
  readonly sizeBytes: number;
  readonly dropped: DropCounts;
}

export type WriterFailureCode =
  'OUTBOX_LOCKED' | 'OUTBOX_FROM_NEWER_AGENT' | 'OUTBOX_CORRUPT' | 'OUTBOX_DISK_FULL' | 'OUTBOX_WRITE_FAILED';

/** `quarantinedAs` tells that a damaged file was set aside while this was answered. */
export type WriterAnswer =
  | {
      readonly ok: true;
      readonly state: FileState;
      readonly records: readonly StoredRecord[];
      readonly evicted: DropCounts;
      readonly quarantinedAs: string | null;
    }
  | { readonly ok: false; readonly code: WriterFailureCode; readonly message: string };

/** In order: the thread answers each request before it takes the next; the opening is answered as request 0. */
export interface WriterReply {
  readonly id: number;
  readonly answer: WriterAnswer;
}
