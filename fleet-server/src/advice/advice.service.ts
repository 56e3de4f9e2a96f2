/** Chooses among the deployment patterns by the need and by what was measured in this fleet. */
import { Injectable } from '@nestjs/common';
import { QuantileSketch } from '@shoal/models';
import type { Advice, AdviceQuery, MeasuredProfile, Prediction } from '@shoal/protocol';
import { DeviceDirectory } from '../devices/device-directory.service.ts';
import { Clock } from '../ports/clock.ts';
import { MessageBus, type AppendedBatch } from '../ports/message-bus.ts';
import { deploymentOf } from './deployments.ts';
import { LatencyProfile, spreadOf, worstP95 } from './latency-profile.ts';
import { choosePattern } from './pattern-choice.ts';

const MAX_PROFILES = 1_000;
/** What the deployment names when nobody said which model. */
const SHIPPED_MODEL = 'pump-anomaly';

@Injectable()
export class AdviceService {
  private readonly profile = new LatencyProfile(MAX_PROFILES);
  private readonly directory: DeviceDirectory;
  private readonly bus: MessageBus;
  private readonly clock: Clock;
  private since = 0;
  private unsubscribe: (() => void) | undefined;

  constructor(directory: DeviceDirectory, bus: MessageBus, clock: Clock) {
    this.directory = directory;
    this.bus = bus;
    this.clock = clock;
  }

  start(): void {
    this.since = this.clock.now();
    this.unsubscribe = this.bus.on('log.appended', ({ appended }) => {
      for (const batch of appended) this.take(batch);
    });
  }

  stop(): void {
    this.unsubscribe?.();
  }

  advise({ stream, latencyMs, offline, model, hardwareClass }: AdviceQuery): Advice {
    const concerns = (entry: { readonly model?: string; readonly hardwareClass: string }): boolean =>
      (model === undefined || entry.model === undefined || entry.model === model) &&
      (hardwareClass === undefined || entry.hardwareClass === hardwareClass);
    const inference = this.profile.read().filter(concerns);
    const measured: MeasuredProfile = { since: this.since, inference, link: this.links().filter(concerns) };
    const choice = choosePattern({ stream, latencyMs, offline }, expectationOf(measured));
    return { ...choice, measured, deployment: deploymentOf(choice.pattern, model ?? SHIPPED_MODEL) };
  }

  private take(batch: AppendedBatch): void {
    const { kind, deviceId } = batch;
    if (kind !== 'predictions') return;
    const hardwareClass = this.directory.find(deviceId)?.facts.birth?.hardwareClass ?? 'unknown';
    for (const prediction of batch.records as readonly Prediction[]) this.profile.add(prediction, hardwareClass);
  }

  /** One sample per device: its shortest round trip of late, which is what the link can do. */
  private links(): MeasuredProfile['link'] {
    const byClass = new Map<string, QuantileSketch>();
    for (const { facts } of this.directory.entries()) {
      const roundTripMs = facts.twin.reported.clock?.roundTripMs;
      if (typeof roundTripMs !== 'number') continue;
      const hardwareClass = facts.birth?.hardwareClass ?? 'unknown';
      const sketch = byClass.get(hardwareClass) ?? new QuantileSketch();
      byClass.set(hardwareClass, sketch);
      sketch.add(roundTripMs);
    }
    return [...byClass].flatMap(([hardwareClass, sketch]) => {
      const spread = spreadOf(sketch);
      return spread === null ? [] : [{ hardwareClass, roundTripMs: spread }];
    });
  }
}

/** An answer of the server costs the way there and back; devices that were answered there have timed both together. */
const expectationOf = ({ inference, link }: MeasuredProfile): { edgeMs: number | null; realTimeMs: number | null } => ({
  edgeMs: worstP95(inference.filter(({ ranAt }) => ranAt === 'edge')),
  realTimeMs:
    worstP95(inference.filter(({ ranAt }) => ranAt === 'cloud')) ??
    worstP95(link.map(({ roundTripMs }) => ({ latencyMs: roundTripMs }))),
});
