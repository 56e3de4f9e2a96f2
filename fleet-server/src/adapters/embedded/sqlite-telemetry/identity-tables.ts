/** Numbers for devices and epochs, so that a row of telemetry carries two small integers and no text. */
import type { Sqlite } from './telemetry-file.ts';

/** Names kept in memory; the tables have all of them. */
const NAMES_IN_MEMORY = 200_000;

export class IdentityTables {
  readonly #devices = new Map<string, number>();
  readonly #epochs = new Map<string, number>();
  readonly #findDevice;
  readonly #addDevice;
  readonly #findEpoch;
  readonly #addEpoch;

  constructor(db: Sqlite) {
    this.#findDevice = db.prepare<[string], number>('SELECT device_no FROM devices WHERE device_id = ?').pluck();
    this.#addDevice = db.prepare<[string]>('INSERT INTO devices (device_id) VALUES (?)');
    this.#findEpoch = db
      .prepare<[number, string], number>('SELECT epoch_no FROM epochs WHERE device_no = ? AND epoch = ?')
      .pluck();
    this.#addEpoch = db.prepare<[number, string]>('INSERT INTO epochs (device_no, epoch) VALUES (?, ?)');
  }

  /** Adds it when it is new; inside a transaction. */
  device(deviceId: string): number {
    return remember(this.#devices, deviceId, () => {
      return this.#findDevice.get(deviceId) ?? Number(this.#addDevice.run(deviceId).lastInsertRowid);
    });
  }

  epoch(deviceNo: number, epoch: string): number {
    return remember(this.#epochs, `${deviceNo}/${epoch}`, () => {
      return this.#findEpoch.get(deviceNo, epoch) ?? Number(this.#addEpoch.run(deviceNo, epoch).lastInsertRowid);
    });
  }

  /** After a rollback or a deletion. */
  forgetAll(): void {
    this.#devices.clear();
    this.#epochs.clear();
  }
}

const remember = (names: Map<string, number>, name: string, find: () => number): number => {
  const known = names.get(name);
  if (known !== undefined) return known;
  if (names.size >= NAMES_IN_MEMORY) names.clear();
  const found = find();
  names.set(name, found);
  return found;
};
