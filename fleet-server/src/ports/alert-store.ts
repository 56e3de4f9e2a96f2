/**
 * Where alerts live. The store reads the telemetry log and the published windows by itself, from positions that commit
 * together with the states of alerts and with what is to be told, so that an alert fires once whatever is killed; its caller
 * only gives the time and the pace, hands on what is to be told, and says when it is handed on.
 */
import type {
  Alert,
  AlertDetail,
  AlertPreview,
  AlertPreviewAnswer,
  AlertQuery,
  AlertRule,
  AlertRuleStatus,
  DeliveryChannel,
  JsonObject,
  Labels,
  Page,
  Silence,
} from '@shoal/protocol';

export interface WatchedDevice {
  readonly deviceId: string;
  /** null: the device is gone. */
  readonly labels: Labels | null;
  readonly isConnected: boolean;
  /** When it was connected last, by the clock of the server; not before the server ran. */
  readonly contactAt: number;
}

/** What was decided to be told, until somebody has taken it. */
export interface AlertIntent {
  readonly intent: number;
  /** Stays the same whatever is killed: handing it over twice is once. */
  readonly id: string;
  readonly channel: DeliveryChannel;
  readonly subject: string;
  readonly body: JsonObject;
  readonly alertId: string;
}

export interface AlertChange {
  readonly change: number;
  /** As it is now. */
  readonly alert: Alert;
}

export interface AlertStep {
  readonly records: number;
  readonly windows: number;
  readonly fired: number;
  readonly resolved: number;
  readonly late: number;
  readonly historical: number;
  /** What is to be told and not handed on yet. */
  readonly intents: number;
  readonly firing: number;
  readonly lastChange: number;
  readonly position: number;
  readonly isCaughtUp: boolean;
  readonly seconds: number;
}

export type AlertAction = 'acknowledged' | 'noted' | 'resolved';

export interface Deed {
  readonly alertId: string;
  readonly action: AlertAction;
  readonly by: string;
  readonly note: string;
  /** Whoever repeats it does it once; undefined: nobody does. */
  readonly request: string | undefined;
}

/** Every method throws FleetError ALERT_STORE_UNAVAILABLE when the file cannot be used. */
export abstract class AlertStore {
  /** These decide from now on, and no others; as `define` for each. */
  abstract adopt(rules: readonly AlertRule[], now: number): Promise<void>;
  /** A rule that decides otherwise than the one of its name starts anew, and what that one had open is resolved. */
  abstract define(rule: AlertRule, now: number): Promise<void>;
  abstract drop(name: string, now: number): Promise<void>;
  abstract setDevices(devices: readonly WatchedDevice[]): Promise<void>;
  /** Reads on in log and windows, looks at the clock, decides what is to be told: one transaction. */
  abstract step(now: number): Promise<AlertStep>;
  /** Oldest first. */
  abstract intents(limit: number): Promise<readonly AlertIntent[]>;
  /** Up to this one, somebody has them. */
  abstract handedOn(upToIntent: number): Promise<void>;
  /** @throws FleetError ALERT_NOT_FOUND | ALERT_RESOLVED */
  abstract act(deed: Deed, now: number): Promise<Alert>;
  /** Idempotent by its id. */
  abstract silence(silence: Silence): Promise<void>;
  /** @throws FleetError SILENCE_NOT_FOUND */
  abstract endSilence(silenceId: string): Promise<void>;
  /** Those that have not ended, by id. */
  abstract silences(now: number): Promise<readonly Silence[]>;
  /** Drops resolved alerts of before `before`, and the oldest of a million, a bounded number. @returns how many went */
  abstract trim(before: number): Promise<number>;
  /** Newest first. */
  abstract alerts(query: Omit<AlertQuery, 'format'>): Promise<Page<Alert>>;
  /** @throws FleetError ALERT_NOT_FOUND */
  abstract alert(alertId: string): Promise<AlertDetail>;
  /** A page of what fires, for who tells it anew after a start. */
  abstract firing(limit: number, cursor: string | undefined): Promise<Page<Alert>>;
  /** Of alerts that fired, in order. */
  abstract changes(afterChange: number, limit: number): Promise<readonly AlertChange[]>;
  abstract status(rule: string): Promise<AlertRuleStatus>;
  /** In the reading thread; nothing is stored. */
  abstract preview(preview: AlertPreview, devices: readonly WatchedDevice[], now: number): Promise<AlertPreviewAnswer>;
}
