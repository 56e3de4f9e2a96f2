/** What flows: rates over the last minute, totals, where predictions ran, and the state of storage. */
import { Injectable, Logger } from '@nestjs/common';
import type { FleetSummary, Prediction } from '@shoal/protocol';
import { Clock } from '../ports/clock.ts';
import { MessageBus, type AppendedBatch } from '../ports/message-bus.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';
import { MinuteCounter } from './minute-counter.ts';

type Totals = Omit<FleetSummary['totals'], 'droppedOnDevices'>;

/** Time between two looks at the store's own counts. */
const LOOK_EVERY_MS = 2_000;

@Injectable()
export class FleetActivity {
  private readonly log = new Logger('Dashboard');
  private readonly bus: MessageBus;
  private readonly telemetry: TelemetryStore;
  private readonly clock: Clock;
  private meters: Meters | undefined;
  private totals: Totals = { records: 0, duplicates: 0, deadLetters: 0 };
  private storage: FleetSummary['storage'] = { state: 'ok', why: null, sizeBytes: 0 };
  private storageChangedAt = 0;
  private unsubscribe: readonly (() => void)[] = [];
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(bus: MessageBus, telemetry: TelemetryStore, clock: Clock) {
    this.bus = bus;
    this.telemetry = telemetry;
    this.clock = clock;
  }

  async start(): Promise<void> {
    this.meters = new Meters(this.clock.monotonic());
    this.storageChangedAt = this.clock.now();
    this.totals = await this.telemetry.totals();
    this.unsubscribe = [
      this.bus.on('log.appended', ({ appended }) => {
        for (const batch of appended) this.meters?.take(batch, this.clock.monotonic());
      }),
      this.bus.on('storage.changed', ({ state, why }) => {
        this.storage = { ...this.storage, state, why };
        this.storageChangedAt = this.clock.now();
      }),
    ];
    await this.look();
    this.timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    for (const unsubscribe of this.unsubscribe) unsubscribe();
    await this.looking;
  }

  /** Reads the store's counts; looks that come while one is under way share it. */
  look(): Promise<void> {
    this.looking ??= this.read().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  snapshot(): Pick<FleetSummary, 'rates' | 'predictionSources' | 'storage'> & { totals: Totals } {
    const now = this.clock.monotonic();
    const { totals, storage } = this;
    return { totals, storage, ...(this.meters ?? new Meters(now)).read(now) };
  }

  deadLettersLastMinute(): number {
    return this.meters?.deadLetters.total(this.clock.monotonic()) ?? 0;
  }

  get storageSince(): number {
    return this.storageChangedAt;
  }

  private async read(): Promise<void> {
    try {
      const totals = await this.telemetry.totals();
      this.meters?.deadLetters.add(this.clock.monotonic(), totals.deadLetters - this.totals.deadLetters);
      this.totals = totals;
      this.storage = await this.telemetry.storageState();
    } catch (error) {
      this.log.warn(`The totals of the store could not be read; the last ones are shown: ${String(error)}`);
    }
  }
}

class Meters {
  private readonly startedAt: number;
  private readonly records: MinuteCounter;
  private readonly predictions: MinuteCounter;
  private readonly messages: MinuteCounter;
  private readonly sources = new Map<string, MinuteCounter>();
  readonly deadLetters: MinuteCounter;

  constructor(startedAt: number) {
    this.startedAt = startedAt;
    this.records = new MinuteCounter(startedAt);
    this.predictions = new MinuteCounter(startedAt);
    this.messages = new MinuteCounter(startedAt);
    this.deadLetters = new MinuteCounter(startedAt);
  }

  take(batch: AppendedBatch, at: number): void {
    const { kind, count } = batch;
    this.messages.add(at, 1);
    this.records.add(at, count);
    if (kind !== 'predictions') return;
    this.predictions.add(at, count);
    for (const { source } of batch.records as readonly Prediction[]) this.sourceMeter(source).add(at, 1);
  }

  read(at: number): Pick<FleetSummary, 'rates' | 'predictionSources'> {
    return {
      rates: {
        records: this.records.perSecond(at),
        predictions: this.predictions.perSecond(at),
        messages: this.messages.perSecond(at),
        deadLetters: this.deadLetters.perSecond(at),
      },
      predictionSources: Object.fromEntries([...this.sources].map(([source, meter]) => [source, meter.total(at)])),
    };
  }

  private sourceMeter(source: string): MinuteCounter {
    const meter = this.sources.get(source) ?? new MinuteCounter(this.startedAt);
    this.sources.set(source, meter);
    return meter;
  }
}
