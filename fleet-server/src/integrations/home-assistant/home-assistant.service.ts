/** Keeps Home Assistant in line with the fleet: notes which devices changed, and aligns them one after the other. */
import { Injectable } from '@nestjs/common';
import { MessageBus } from '../../ports/message-bus.ts';
import { ShownDevices } from './shown-devices.service.ts';
import { Surroundings } from './surroundings.service.ts';

/** Changes of a device within this are told once. */
const EVERY_MS = 1_000;
/** What is published before somebody could notice is looked at again so often. */
const ALL_AGAIN_MS = 60_000;
/** Home Assistant sets up a platform before it has discovered the first entity of it; what comes sooner it does not know. */
const FAREWELL_AFTER_MS = 5_000;

@Injectable()
export class HomeAssistantService {
  private readonly bus: MessageBus;
  private readonly devices: ShownDevices;
  private readonly around: Surroundings;
  private readonly changed = new Set<string>();
  private unsubscribe: (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> | undefined;
  private someoneCame = false;
  private farewellAt = Infinity;
  private lookedAtAllAt = -Infinity;

  constructor(bus: MessageBus, devices: ShownDevices, around: Surroundings) {
    this.bus = bus;
    this.devices = devices;
    this.around = around;
  }

  /** @throws FleetError DATABASE_UNAVAILABLE */
  async start(): Promise<void> {
    await this.devices.load();
    this.unsubscribe = [
      this.bus.on('device.changed', ({ device }) => this.note(device.deviceId)),
      this.bus.on('device.removed', ({ deviceId }) => this.note(deviceId)),
      this.bus.on('alert.changed', ({ alert }) => this.note(alert.deviceId)),
      this.bus.on('log.appended', ({ appended }) => {
        for (const batch of appended) if (this.devices.learn(batch)) this.changed.add(batch.deviceId);
      }),
    ];
    this.timer = setInterval(() => {
      this.working ??= this.work().finally(() => {
        this.working = undefined;
      });
    }, EVERY_MS);
  }

  /** What is not told is told after the next start. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    await this.working;
  }

  /** A Home Assistant began to listen. */
  greet(): void {
    this.someoneCame = true;
  }

  private note(deviceId: string | null): void {
    if (deviceId !== null && this.devices.concerns(deviceId)) this.changed.add(deviceId);
  }

  private async work(): Promise<void> {
    if (!this.devices.canTell) return;
    const now = this.around.clock.monotonic();
    if (now - this.lookedAtAllAt >= ALL_AGAIN_MS) {
      this.lookedAtAllAt = now;
      for (const deviceId of this.devices.ids()) this.changed.add(deviceId);
    }
    const changed = [...this.changed];
    this.changed.clear();
    for (const deviceId of changed) {
      await this.attempt(`show ${deviceId}`, () => this.devices.align(deviceId)).catch(() =>
        this.changed.add(deviceId),
      );
    }
    await this.sayFarewells(now);
  }

  private async sayFarewells(now: number): Promise<void> {
    if (this.someoneCame) {
      this.someoneCame = false;
      this.farewellAt = now + FAREWELL_AFTER_MS;
      await this.attempt('introduce', () => this.devices.introduceWithdrawn()).catch(() => this.greet());
    }
    if (now < this.farewellAt) return;
    this.farewellAt = Infinity;
    await this.attempt('withdraw', () => this.devices.withdrawAgain()).catch(() => this.greet());
  }

  private async attempt(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.around.metrics.count('home_assistant_errors_total');
      this.around.log.warn({ err: error, what }, 'Home Assistant could not be told; it is tried again');
      throw error;
    }
  }
}
