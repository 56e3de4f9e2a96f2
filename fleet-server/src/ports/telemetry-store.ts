/** Where records live: exact deduplication, one raw table per receipt day, the log, dead letters; and the ways to read them. */
import type {
  AnyRecord,
  ClockVerdict,
  DeadLetter,
  Lane,
  Page,
  PriorityClass,
  ReceivedRanges,
  RecordKind,
  Series,
  StoredEvent,
  StoredPrediction,
  StoredReading,
  StreamSource,
} from '@shoal/protocol';
import type { LogColumns } from './log-columns.ts';
import type { AppendedBatch } from './message-bus.ts';

/** One decoded message, to be stored whole. Parallel arrays, ascending sequence; `PackedBatch` makes them when they are asked for. */
export interface IncomingBatch {
  readonly deviceId: string;
  readonly kind: RecordKind;
  readonly epoch: string;
  readonly class: PriorityClass;
  readonly lane: Lane;
  readonly receivedAt: number;
  /** Of records. */
  readonly count: number;
  readonly records: readonly AnyRecord[];
  readonly eventAt: readonly number[];
  readonly clock: readonly ClockVerdict[];
}

export interface NewDeadLetter {
  readonly deviceId: string;
  readonly topic: string;
  readonly receivedAt: number;
  readonly reason: string;
  readonly detail: string;
  readonly payload: Uint8Array;
}

export interface AppendResult {
  readonly batchId: number;
  /** Only what was new. */
  readonly appended: readonly AppendedBatch[];
  readonly duplicates: number;
  /** Same key, other content: dead-lettered as SEQUENCE_CONFLICT in the same commit. */
  readonly conflicts: number;
}

export interface StoredOf {
  readings: StoredReading;
  predictions: StoredPrediction;
  events: StoredEvent;
}

export interface HistoryQuery<K extends RecordKind> {
  readonly kind: K;
  /** Absent: all devices (events only). */
  readonly deviceId: string | undefined;
  /** Event time, half-open `[from, to)`. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly cursor: string | undefined;
  readonly severity?: string | undefined;
  readonly eventKind?: string | undefined;
}

export interface SeriesQuery {
  readonly deviceId: string;
  readonly kind: 'readings' | 'predictions';
  readonly from: number;
  readonly to: number;
  readonly channels: readonly string[] | undefined;
  readonly points: number;
}

export interface DeadLetterQuery {
  readonly deviceId: string | undefined;
  readonly reason: string | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** Commits after `afterBatchId` and up to `upToBatchId`: at most so many, and none any more once they hold so many records. */
export interface LogQuery {
  readonly afterBatchId: number;
  /** May be Infinity. */
  readonly upToBatchId: number;
  readonly commits: number;
  readonly records: number;
  readonly sources: readonly StreamSource[];
}

export interface LogValues {
  /** Undefined when there is no commit; ids ascend without reuse. */
  readonly lastBatchId: number | undefined;
  /** Read, whether or not they say anything to a source. */
  readonly records: number;
  /** In commit order; positions in the sources of the query. */
  readonly said: LogColumns;
}

export interface StorageState {
  readonly state: 'ok' | 'refusing';
  readonly why: string | null;
  readonly sizeBytes: number;
  /** Where a corrupt file was set aside since the start, or null. */
  readonly quarantined: string | null;
}

export abstract class TelemetryStore {
  /**
   * All of it or nothing, in one transaction. Resolved = on disk (synchronous=FULL). What `mayWait` is stored after what may
   * not and came later; among themselves both keep their order.
   * @throws FleetError STORAGE_UNAVAILABLE (retryable): disk full, I/O error; nothing was stored
   */
  abstract append(
    batches: readonly IncomingBatch[],
    deadLetters: readonly NewDeadLetter[],
    mayWait?: boolean,
  ): Promise<AppendResult>;
  /** 0 when the epoch is unknown. */
  abstract highestSequence(deviceId: string, epoch: string): Promise<number>;
  abstract ranges(deviceId: string): Promise<ReceivedRanges>;
  /** Ordered by event time, then epoch and sequence; runs in the reader worker. */
  abstract history<K extends RecordKind>(query: HistoryQuery<K>): Promise<Page<StoredOf[K]>>;
  /** Min/max-preserving downsampling in the reader worker. */
  abstract series(query: SeriesQuery): Promise<Series>;
  abstract deadLetters(query: DeadLetterQuery): Promise<Page<DeadLetter>>;
  /** Exactly what each commit added. What retention dropped, or what belonged to a deleted device, is absent. Runs in the reader worker. */
  abstract readLog(query: LogQuery): Promise<LogValues>;
  /** Exact counts since the file was made. */
  abstract totals(): Promise<{ records: number; duplicates: number; deadLetters: number }>;
  abstract storageState(): Promise<StorageState>;
  /** Drops whole receipt days older than the retention. @returns the days dropped, `YYYY-MM-DD` */
  abstract dropExpired(now: number): Promise<readonly string[]>;
  /** Removes every trace of one device. */
  abstract deleteDevice(deviceId: string): Promise<void>;
}
