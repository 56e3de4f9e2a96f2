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
  /** The newest published window of every key, by key, after `afterKey`. */
  abstract newest(
    stream: string,
    afterKey: number,
    limit: number,
  ): Promise<{ windows: readonly WindowResult[]; nextKey: number | null }>;
  /** In the reading thread; nothing is stored. */
  abstract preview(preview: StreamPreview, labels: readonly DeviceLabels[], now: number): Promise<StreamPreviewAnswer>;
}
