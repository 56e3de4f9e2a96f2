/** Brings what Home Assistant knows of a device in line with the registry: decides, records, then tells. */
import { Injectable } from '@nestjs/common';
import type { HomeAssistantState } from '@shoal/protocol';
import { DeviceDirectory } from '../../devices/device-directory.service.ts';
import { AlertStore } from '../../ports/alert-store.ts';
import type { AppendedBatch } from '../../ports/message-bus.ts';
import { readVersion } from '../../version.ts';
import { DiscoveryLedger } from './discovery-ledger.service.ts';
import { discoveryMessage } from './discovery-message.ts';
import { DiscoveryPublisher } from './discovery-publisher.service.ts';
import { isOptedIn, nextSteps, type Messages, type Step } from './next-steps.ts';

/** Rules that one state names. */
const ALERTS_NAMED = 100;
const NOT_SHOWN: Messages = { config: undefined, state: undefined };

@Injectable()
export class ShownDevices {
  private readonly version = readVersion();
  private readonly directory: DeviceDirectory;
  private readonly alerts: AlertStore;
  private readonly ledger: DiscoveryLedger;
  private readonly publisher: DiscoveryPublisher;
  constructor(directory: DeviceDirectory, alerts: AlertStore, ledger: DiscoveryLedger, publisher: DiscoveryPublisher) {
    this.directory = directory;
    this.alerts = alerts;
    this.ledger = ledger;
    this.publisher = publisher;
  }

  async load(): Promise<void> {
    await this.ledger.load();
  }

  get canTell(): boolean {
    return this.publisher.isOpen;
  }

  /** Every device that opted in, or that Home Assistant may know. */
  ids(): Set<string> {
    const ids = new Set<string>();
    for (const { facts } of this.directory.entries()) if (isOptedIn(facts)) ids.add(facts.deviceId);
    for (const [deviceId, { withdrawnAt }] of this.ledger.all()) if (withdrawnAt === null) ids.add(deviceId);
    return ids;
  }

  isShown(deviceId: string): boolean {
    const entry = this.directory.find(deviceId);
    return entry !== undefined && isOptedIn(entry.facts);
  }

  /** Whether a change of it may have to be told. */
  concerns(deviceId: string): boolean {
    return this.isShown(deviceId) || this.ledger.find(deviceId)?.withdrawnAt === null;
  }

  /** @returns whether its discovery message is another one now */
  learn(batch: AppendedBatch): boolean {
    return this.isShown(batch.deviceId) && this.ledger.learn(batch);
  }

  /** May be repeated after a failure. @throws FleetError DATABASE_UNAVAILABLE | ALERT_STORE_UNAVAILABLE */
  async align(deviceId: string): Promise<void> {
    const wanted = await this.wanted(deviceId);
    const steps = nextSteps(wanted, this.publisher.toldOf(deviceId), this.ledger.find(deviceId));
    for (const step of steps) await this.take(deviceId, step);
  }

  /**
   * For a Home Assistant that begins to listen: what is shown is retained, but what was withdrawn meanwhile is nowhere. One that
   * was started since has it in its registry and takes an empty message only for what it discovered: so it discovers it first.
   */
  async introduceWithdrawn(): Promise<void> {
    for (const [deviceId, config] of this.withdrawn()) await this.publisher.introduce(deviceId, config);
  }

  /** The other half. Who greets after this finds nothing of these devices. */
  async withdrawAgain(): Promise<void> {
    for (const [deviceId] of this.withdrawn()) {
      await this.publisher.withdraw(deviceId);
      await this.ledger.forget(deviceId);
    }
  }

  private withdrawn(): (readonly [deviceId: string, config: string])[] {
    return [...this.ledger.all()]
      .filter(([deviceId, { withdrawnAt }]) => withdrawnAt !== null && !this.isShown(deviceId))
      .map(([deviceId, { config }]) => [deviceId, config] as const);
  }

  private async wanted(deviceId: string): Promise<Messages> {
    if (!this.isShown(deviceId)) return NOT_SHOWN;
    const { items } = await this.alerts.alerts({ state: 'firing', key: deviceId, limit: ALERTS_NAMED });
    // It may be gone since.
    const entry = this.directory.find(deviceId);
    if (entry === undefined) return NOT_SHOWN;
    const state: HomeAssistantState = {
      availability: entry.facts.presence.kind === 'online' ? 'online' : 'offline',
      alert: items.length > 0 ? 'ON' : 'OFF',
      alerts: items.map(({ rule }) => rule),
    };
    const device = this.directory.show(deviceId);
    const config = discoveryMessage(device, this.ledger.valuesOf(deviceId), this.version);
    return { config: JSON.stringify(config), state: JSON.stringify(state) };
  }

  private async take(deviceId: string, step: Step): Promise<void> {
    switch (step.kind) {
      case 'record':
        return this.ledger.record(deviceId, step.config);
      case 'record-withdrawal':
        return this.ledger.recordWithdrawal(deviceId);
      case 'tell':
        return this.publisher.tell(deviceId, step.topic, step.text);
      case 'withdraw':
        return this.publisher.withdraw(deviceId);
    }
  }
}
