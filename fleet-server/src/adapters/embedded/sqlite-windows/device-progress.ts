/** How far every device has come and what labels it carries: what watermarks and keys of streams are made from. */
import {
  heardOf,
  keyOfDevice,
  leastWatermark,
  watermarkOf,
  type Heard,
  type RecordColumns,
  type StreamPlan,
} from '@shoal/models/streams';
import type { Labels, RecordKind } from '@shoal/protocol';
import { RECORD_KINDS } from '@shoal/protocol/vocabulary';
import type { DeviceLabels } from '../../../ports/window-store.ts';
import type { Sqlite } from './windows-file.ts';

const NO_LABELS: Labels = {};

export class DeviceProgress {
  readonly #db: Sqlite;
  readonly #put;
  readonly #labels = new Map<string, Labels>();
  readonly #heard: Record<RecordKind, Map<string, Heard>>;
  readonly #moved = new Set<string>();

  constructor(db: Sqlite) {
    this.#db = db;
    this.#put = db.prepare<[string, string, number, number]>(
      'INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at, heard_at = excluded.heard_at',
    );
    this.#heard = { readings: new Map(), predictions: new Map(), events: new Map() };
    this.reload();
  }

  /** What is in memory beside the labels is what is stored. */
  reload(): void {
    this.#moved.clear();
    for (const kind of RECORD_KINDS) this.#heard[kind].clear();
    const rows = this.#db
      .prepare<[], { kind: RecordKind; device_id: string; at: number; heard_at: number }>('SELECT * FROM heard')
      .all();
    for (const row of rows) this.#heard[row.kind].set(row.device_id, { at: row.at, heardAt: row.heard_at });
  }

  setLabels(devices: readonly DeviceLabels[]): void {
    for (const { deviceId, labels } of devices) {
      if (labels === null) this.#labels.delete(deviceId);
      else this.#labels.set(deviceId, labels);
    }
  }

  labelsOf(deviceId: string): Labels {
    return this.#labels.get(deviceId) ?? NO_LABELS;
  }

  hear(batches: readonly RecordColumns[]): void {
    for (const columns of batches) {
      const ofKind = this.#heard[columns.kind];
      const heard = heardOf(columns, ofKind.get(columns.deviceId));
      if (heard === undefined) continue;
      ofKind.set(columns.deviceId, heard);
      this.#moved.add(`${columns.kind}/${columns.deviceId}`);
    }
  }

  /** Inside the transaction of the step. */
  store(): void {
    for (const name of this.#moved) {
      const [kind = '', deviceId = ''] = name.split('/');
      const heard = this.#heard[kind as RecordKind].get(deviceId);
      if (heard !== undefined) this.#put.run(kind, deviceId, heard.at, heard.heardAt);
    }
    this.#moved.clear();
  }

  /** How far the keys of a stream have come; to be asked within one step. */
  watermarks({ definition }: StreamPlan, now: number): (key: string) => number {
    const { key: by, idleTimeoutMs, source } = definition;
    const heard = this.#heard[source.kind];
    if (by.by === 'device') return (key) => watermarkOf(heard.get(key), idleTimeoutMs, now);
    if (by.by === 'model' || by.by === 'prediction-label') {
      let ofAll: number | undefined;
      return () => (ofAll ??= leastWatermark(heard.values(), idleTimeoutMs, now));
    }
    let byKey: Map<string | null | undefined, [string, Heard][]> | undefined;
    return (key) => {
      byKey ??= Map.groupBy(heard, ([deviceId]) => keyOfDevice(by, deviceId, this.labelsOf(deviceId)));
      return leastWatermark(
        (byKey.get(key) ?? []).map(([, each]) => each),
        idleTimeoutMs,
        now,
      );
    };
  }
}
