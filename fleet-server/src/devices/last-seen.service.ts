/** When each device last spoke: kept in memory with every commit of the log, written to the table now and then. */
import { Injectable, Logger } from '@nestjs/common';
import { ControlDatabase } from '../db/database.ts';
import { MessageBus, type AppendedBatch } from '../ports/message-bus.ts';
import { DeviceDirectory } from './device-directory.service.ts';
import { DevicesStore } from './devices.store.ts';

/** A crash forgets at most this much of "last seen"; the records themselves carry their own times. */
const FLUSH_EVERY_MS = 10_000;

@Injectable()
export class LastSeenService {
  private readonly log = new Logger('Devices');
  private readonly store = new DevicesStore();
  private readonly unwritten = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private unsubscribe: (() => void) | undefined;
  private flushing: Promise<void> | undefined;

  private readonly database: ControlDatabase;
  private readonly directory: DeviceDirectory;
  private readonly bus: MessageBus;

  constructor(database: ControlDatabase, directory: DeviceDirectory, bus: MessageBus) {
    this.database = database;
    this.directory = directory;
    this.bus = bus;
  }

  start(): void {
    this.unsubscribe = this.bus.on('log.appended', ({ appended }) => {
      for (const batch of appended) this.spoke(batch);
    });
    this.timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.unsubscribe?.();
    clearInterval(this.timer);
    await this.flush();
  }

  /** Writes what changed in one transaction; what cannot be written now is tried with the next flush. */
  async flush(): Promise<void> {
    await this.flushing;
    this.flushing = this.write();
    await this.flushing;
  }

  private spoke({ deviceId, receivedAt, clock }: AppendedBatch): void {
    const entry = this.directory.find(deviceId);
    if (!entry) return;
    this.directory.seen(deviceId, receivedAt);
    this.unwritten.set(deviceId, receivedAt);
    const bad = clock.includes('bad');
    if (bad === (entry.facts.clockBadSince !== null)) return;
    this.directory.update(deviceId, (facts) => ({ ...facts, clockBadSince: bad ? receivedAt : null }));
  }

  private async write(): Promise<void> {
    if (this.unwritten.size === 0) return;
    const seen = [...this.unwritten];
    this.unwritten.clear();
    try {
      await this.store.writeLastSeen(this.database, seen);
    } catch (error) {
      for (const [deviceId, at] of seen) if (!this.unwritten.has(deviceId)) this.unwritten.set(deviceId, at);
      this.log.warn(`Last-seen times could not be written and will be tried again: ${String(error)}`);
    }
  }
}
