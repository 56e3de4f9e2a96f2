/**
 * Where the windows of streams live. The store reads the telemetry log by itself, from a position that commits together with
 * the windows, so that every record enters its windows once whatever is killed; its caller only gives the time and the pace.
 */
import type {
  Labels,
  Page,
  StreamDefinition,
  StreamPreview,
  StreamPreviewAnswer,
  StreamStatus,
  WindowLevel,
  WindowResult,
} from '@shoal/protocol';

export interface WindowStep {
  /** Records of the log read by this step. */
  readonly records: number;
  /** Windows published, first or again. */
  readonly published: number;
  /** Number of the newest change; 0 before the first. */
  readonly lastChange: number;
  /** Last commit of the log whose effects are stored for every stream. */
  readonly position: number;
  readonly isCaughtUp: boolean;
  readonly late: number;
  readonly rolledUp: number;
  readonly expired: number;
  readonly openWindows: number;
  /** Time the step took in the thread of the store. */
  readonly seconds: number;
}

/** A window that was published, first or again; `change` ascends without repeating. */
export interface WindowChange {
  readonly change: number;
  readonly result: WindowResult;
  /** No later window of the key was published before. */
  readonly isNewest: boolean;
  /** While the stream was filled from what was stored when it was defined. */
  readonly isBackfill: boolean;
}

/** One revision of a window, as it was published. */
export interface PublishedWindow {
  readonly stream: string;
  readonly key: string;
  readonly endAt: number;
  readonly publishedAt: number;
  /** Null: the window was taken back, as a session that was joined with an earlier one. */
  readonly values: WindowResult['values'] | null;
}

/** Published windows of streams by name, all of one moment. */
export interface PublicationsQuery {
  readonly streams: readonly string[];
  readonly afterChange: number;
  readonly untilChange: number;
  readonly limit: number;
}

export interface Publications {
  /** Every revision, in order; of definitions that were replaced or removed meanwhile nothing. */
  readonly windows: readonly PublishedWindow[];
  /** Number of the last change up to which these are all. */
  readonly position: number;
  /** Number of the newest change; 0 before the first. */
  readonly lastChange: number;
  /** Of the streams that run and were asked for. */
  readonly definitions: readonly StreamDefinition[];
  /** By name of stream: every later change is kept as it was published. Without an entry nothing is. */
  readonly keptSince: ReadonlyMap<string, number>;
}

export interface StoredWindowsQuery {
  readonly stream: string;
  /** As `nextCursor` of the page before; undefined for the first. */
  readonly cursor: string | undefined;
  /** Windows that were published after this change are left out: `publications` has these. */
  readonly changedUntil: number;
  readonly endAfter: number;
  readonly limit: number;
}

export interface StoredWindows {
  /** What these are windows of; undefined: no such stream runs. */
  readonly definition: StreamDefinition | undefined;
  readonly windows: readonly PublishedWindow[];
  readonly nextCursor: string | null;
}

export interface WindowQuery {
  readonly stream: string;
  readonly key: string | undefined;
  readonly level: WindowLevel;
  /** Windows that end after it, and that start before `to`. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly state: 'all' | 'published' | 'open';
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly cursor: string | undefined;
}

export interface DeviceLabels {
  readonly deviceId: string;
  /** null: the device is gone. */
  readonly labels: Labels | null;
}

export abstract class WindowStore {
  /** These run from now on, and no others; as `define` for each. */
  abstract adopt(definitions: readonly StreamDefinition[], now: number): Promise<void>;
  /** Idempotent for a definition that runs; another definition of the name takes its place. @throws FleetError WINDOW_STORE_UNAVAILABLE, as all */
  abstract define(definition: StreamDefinition, now: number): Promise<void>;
  /** Its windows are no longer found, and go with `trim`. */
  abstract drop(stream: string): Promise<void>;
  /** Everything of one device in streams that are keyed by device; what it gave to windows of many stays in them. Can be repeated when it broke off. */
  abstract erase(deviceId: string): Promise<void>;
  /** What keys by label are made from. */
  abstract setLabels(devices: readonly DeviceLabels[]): Promise<void>;
  /** Reads on in the log, merges, closes and publishes: one transaction. Also without new records time closes windows. */
  abstract step(now: number): Promise<WindowStep>;
  /** Drops windows past their retention and those of dropped streams, a bounded number. @returns rows dropped */
  abstract trim(now: number): Promise<number>;
  /** By key in the order of their first coming, then by start. */
  abstract windows(query: WindowQuery): Promise<Page<WindowResult>>;
  abstract status(stream: string): Promise<StreamStatus>;
  /** Of all streams, in the order of their publication. */
  abstract changes(afterChange: number, limit: number): Promise<readonly WindowChange[]>;
  /** From now on every revision of these streams is kept as it is published, whether they run yet or not. Idempotent, and lasting. */
  abstract keep(streams: readonly string[]): Promise<void>;
  abstract publications(query: PublicationsQuery): Promise<Publications>;
  /** Windows as their newest revision has them, in the order of their keys. */
  abstract stored(query: StoredWindowsQuery): Promise<StoredWindows>;
  /** Definitions of those of these streams that run. */
  abstract definitions(streams: readonly string[]): Promise<readonly StreamDefinition[]>;
  /** The newest published window of every key, by key, after `afterKey`. */
  abstract newest(
    stream: string,
    afterKey: number,
    limit: number,
  ): Promise<{ windows: readonly WindowResult[]; nextKey: number | null }>;
  /** In the reading thread; nothing is stored. */
  abstract preview(preview: StreamPreview, labels: readonly DeviceLabels[], now: number): Promise<StreamPreviewAnswer>;
}
