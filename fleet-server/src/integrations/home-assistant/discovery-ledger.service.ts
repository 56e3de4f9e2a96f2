/** What Home Assistant was told of each device, in memory and in the control database: the record that outlives a kill. */
import { Injectable } from '@nestjs/common';
import { ControlDatabase } from '../../db/database.ts';
import type { AppendedBatch } from '../../ports/message-bus.ts';
import { Surroundings } from './surroundings.service.ts';
import { HomeAssistantStore } from './home-assistant.store.ts';
import type { Recorded } from './next-steps.ts';
import { keyOf, valuesIn, VALUES_PER_DEVICE, type ShownValue } from './shown-values.ts';

/** How long Home Assistant may be away and still hear that a device is gone. */
const WITHDRAWN_KEPT_MS = 30 * 86_400_000;

@Injectable()
export class DiscoveryLedger {
  private readonly store = new HomeAssistantStore();
  private readonly entries = new Map<string, Recorded>();
  /** Device → its values by key; those met since the last record are here alone, and come again with the next records. */
  private readonly values = new Map<string, Map<string, ShownValue>>();
  private readonly database: ControlDatabase;
  private readonly around: Surroundings;
  constructor(database: ControlDatabase, around: Surroundings) {
    this.database = database;
    this.around = around;
  }

  async load(): Promise<void> {
    const now = this.around.clock.now();
    for (const row of await this.store.all(this.database)) {
      if (row.withdrawn_at !== null && row.withdrawn_at < now - WITHDRAWN_KEPT_MS) {
        await this.store.remove(this.database, row.device_id);
        continue;
      }
      const values = JSON.parse(row.shown_values) as ShownValue[];
      this.entries.set(row.device_id, { config: row.config, withdrawnAt: row.withdrawn_at });
      this.values.set(row.device_id, new Map(values.map((value) => [keyOf(value), value])));
    }
  }

  /** In no particular order. */
  all(): Iterable<readonly [deviceId: string, entry: Recorded]> {
    return this.entries;
  }

  find(deviceId: string): Recorded | undefined {
    return this.entries.get(deviceId);
  }

  /** In the order in which they were met. */
  valuesOf(deviceId: string): readonly ShownValue[] {
    return [...(this.values.get(deviceId)?.values() ?? [])];
  }

  /** @returns whether the batch carries a value that the device had not shown */
  learn(batch: AppendedBatch): boolean {
    const known = this.values.get(batch.deviceId) ?? new Map<string, ShownValue>();
    const before = known.size;
    for (const value of valuesIn(batch)) {
      if (known.size >= VALUES_PER_DEVICE) break;
      known.set(keyOf(value), value);
    }
    if (known.size > 0) this.values.set(batch.deviceId, known);
    return known.size > before;
  }

  /** Resolved = stored. @throws FleetError DATABASE_UNAVAILABLE */
  async record(deviceId: string, config: string): Promise<void> {
    await this.put(deviceId, { config, withdrawnAt: null });
  }

  /** Resolved = stored; a device that opts in again begins with no values. @throws FleetError DATABASE_UNAVAILABLE */
  async recordWithdrawal(deviceId: string): Promise<void> {
    this.values.delete(deviceId);
    const config = this.entries.get(deviceId)?.config ?? '';
    await this.put(deviceId, { config, withdrawnAt: this.around.clock.now() });
  }

  /** Nobody has to hear of it any more. @throws FleetError DATABASE_UNAVAILABLE */
  async forget(deviceId: string): Promise<void> {
    await this.store.remove(this.database, deviceId);
    this.entries.delete(deviceId);
  }

  private async put(deviceId: string, entry: Recorded): Promise<void> {
    await this.store.put(this.database, {
      device_id: deviceId,
      shown_values: JSON.stringify(this.valuesOf(deviceId)),
      config: entry.config,
      withdrawn_at: entry.withdrawnAt,
    });
    this.entries.set(deviceId, entry);
  }
}
