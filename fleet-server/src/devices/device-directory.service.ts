/** What everybody downstream knows of the devices: looking them up, listing them, and telling when one changed. */
import { Injectable } from '@nestjs/common';
import type { Device, DeviceState, Page } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { decodeCursor, encodeCursor } from '../listing/cursor.ts';
import { MessageBus } from '../ports/message-bus.ts';
import type { DeviceFacts } from './device-facts.ts';
import { matchesLabels, type LabelTerm } from './device-labels.ts';
import { asDevice, DeviceRoster, type RosterEntry } from './device-roster.ts';

export interface DeviceFilter {
  readonly state: DeviceState | undefined;
  readonly labels: readonly LabelTerm[];
  readonly search: string | undefined;
}

@Injectable()
export class DeviceDirectory {
  private readonly roster: DeviceRoster;
  private readonly bus: MessageBus;
  constructor(roster: DeviceRoster, bus: MessageBus) {
    this.roster = roster;
    this.bus = bus;
  }

  get size(): number {
    return this.roster.size;
  }

  /** In no particular order. */
  entries(): Iterable<RosterEntry> {
    return this.roster.all();
  }

  countByState(): ReadonlyMap<DeviceState, number> {
    return this.roster.byState();
  }

  find(deviceId: string): RosterEntry | undefined {
    return this.roster.get(deviceId);
  }

  /** @throws FleetError DEVICE_NOT_FOUND */
  facts(deviceId: string): DeviceFacts {
    return this.entry(deviceId).facts;
  }

  /** @throws FleetError DEVICE_NOT_FOUND */
  show(deviceId: string): Device {
    return asDevice(this.entry(deviceId));
  }

  /** In order of id. */
  list(filter: DeviceFilter, limit: number, cursor: string | undefined): Page<Device> {
    const after = cursor === undefined ? undefined : String(decodeCursor(cursor, ['string'])[0]);
    const matches = ({ facts, verdict }: RosterEntry): boolean =>
      (filter.state === undefined || verdict.state === filter.state) &&
      (filter.search === undefined || facts.deviceId.includes(filter.search)) &&
      matchesLabels(facts.labels, filter.labels);
    const found = this.roster.after(after, limit + 1, matches);
    const items = found.slice(0, limit).map(asDevice);
    const last = items.at(-1);
    return { items, nextCursor: found.length > limit && last ? encodeCursor([last.deviceId]) : null };
  }

  /** Adds a device that was just registered, and announces it. */
  add(facts: DeviceFacts): Device {
    this.roster.put(facts, facts.firstSeenAt);
    return this.announce(facts.deviceId);
  }

  /** Replaces the facts of a device and announces it; returning the same facts changes nothing, unknown ids neither. */
  update(deviceId: string, change: (facts: DeviceFacts) => DeviceFacts): void {
    const entry = this.roster.get(deviceId);
    if (!entry) return;
    const next = change(entry.facts);
    if (next === entry.facts) return;
    this.roster.put(next, entry.lastSeenAt);
    this.announce(deviceId);
  }

  /** Moves "last seen" forward; too frequent to announce. */
  seen(deviceId: string, at: number): void {
    this.roster.seen(deviceId, at);
  }

  remove(deviceId: string): void {
    this.roster.remove(deviceId);
    this.bus.emit('device.removed', { deviceId });
  }

  private announce(deviceId: string): Device {
    const device = this.show(deviceId);
    this.bus.emit('device.changed', { device });
    return device;
  }

  private entry(deviceId: string): RosterEntry {
    const entry = this.roster.get(deviceId);
    if (entry) return entry;
    throw new FleetError('DEVICE_NOT_FOUND', `No device "${deviceId}". List the devices with GET /api/devices.`);
  }
}
