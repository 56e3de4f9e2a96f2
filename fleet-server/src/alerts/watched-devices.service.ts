/** Tells the store of alerts which devices there are, what labels they carry, and when they were there last. */
import { Injectable } from '@nestjs/common';
import type { Labels } from '@shoal/protocol';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { DeviceRemoval } from '../devices/device-removal.service.ts';
import { AlertStore, type WatchedDevice } from '../ports/alert-store.ts';
import { MessageBus } from '../ports/message-bus.ts';

const CONNECTED: ReadonlySet<string> = new Set(['online', 'degraded', 'updating']);

interface SeenDevice {
  readonly deviceId: string;
  readonly labels: Labels;
  readonly state: string;
  readonly since: number;
  readonly lastSeenAt: number | null;
}

/** A device of which the state changed at an instant was there until then: `unknown` begins with the server. */
const watched = ({ deviceId, labels, state, since, lastSeenAt }: SeenDevice): WatchedDevice => ({
  deviceId,
  labels,
  isConnected: CONNECTED.has(state),
  contactAt: Math.max(since, lastSeenAt ?? 0),
});

@Injectable()
export class WatchedDevices {
  private readonly store: AlertStore;
  private readonly directory: DeviceDirectory;
  private readonly removal: DeviceRemoval;
  private readonly bus: MessageBus;
  private readonly changed = new Map<string, WatchedDevice>();
  private unsubscribe: (() => void) | undefined;

  constructor(store: AlertStore, directory: DeviceDirectory, removal: DeviceRemoval, bus: MessageBus) {
    this.store = store;
    this.directory = directory;
    this.removal = removal;
    this.bus = bus;
  }

  async start(): Promise<void> {
    this.unsubscribe = this.bus.on('device.changed', ({ device }) => {
      this.changed.set(device.deviceId, watched(device));
    });
    this.removal.alsoErase((deviceId) => this.forget(deviceId));
    await this.store.setDevices(this.all());
  }

  stop(): void {
    this.unsubscribe?.();
  }

  all(): WatchedDevice[] {
    return [...this.directory.entries()].map(({ facts: { deviceId, labels }, verdict, lastSeenAt }) =>
      watched({ deviceId, labels, state: verdict.state, since: verdict.since, lastSeenAt }),
    );
  }

  /** What changed since the last time. */
  async tell(): Promise<void> {
    if (this.changed.size === 0) return;
    const devices = [...this.changed.values()];
    this.changed.clear();
    await this.store.setDevices(devices);
  }

  private async forget(deviceId: string): Promise<void> {
    this.changed.delete(deviceId);
    await this.store.setDevices([{ deviceId, labels: null, isConnected: false, contactAt: 0 }]);
  }
}
