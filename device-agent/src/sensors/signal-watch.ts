/** Watches the samples of one sensor on their way, and tells what departs from what is expected of it. */
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import { SignalHealth, type Finding, type SignalCounters, type SignalExpectation } from './signal-health.ts';
import type { Sample, SensorSource } from './sensor-source.port.ts';

export interface SignalWatchOptions {
  readonly source: SensorSource;
  readonly expected: SignalExpectation;
  readonly events: EventRecorder;
}

const sentenceFor = (sensor: string, { kind, channel, phase, seen, count }: Finding, rateHz: number): string => {
  if (phase === 'over') return `${sensor}${channel === null ? '' : `.${channel}`}: ${kind} is over after ${count}.`;
  switch (kind) {
    case 'rate-mismatch':
      return `${sensor} gives ${seen} samples a second, expected are ${rateHz}.`;
    case 'gap':
      return `${sensor} gave nothing for ${seen} ms at ${rateHz} samples a second.`;
    case 'stuck':
      return `${sensor}.${channel ?? ''} has kept one value for ${seen} ms.`;
    case 'out-of-range':
      return `${sensor}.${channel ?? ''} is ${seen}, which it cannot be.`;
  }
};

export class SignalWatch {
  readonly #options: SignalWatchOptions;
  readonly #health: SignalHealth;

  constructor(options: SignalWatchOptions) {
    this.#options = options;
    const rateHz = options.expected.rateHz ?? options.source.nominalRateHz;
    this.#health = new SignalHealth({ ...options.expected, rateHz });
  }

  get sensor(): string {
    return this.#options.source.name;
  }

  /** The sample with its marks. */
  take(sample: Sample): Sample {
    const { sample: marked, findings } = this.#health.inspect(sample);
    for (const finding of findings) this.#tell(finding);
    return marked;
  }

  counters(): SignalCounters {
    return this.#health.counters();
  }

  #tell(finding: Finding): void {
    const { source, expected, events } = this.#options;
    const { kind, channel, phase, seen, count } = finding;
    const rateHz = expected.rateHz ?? source.nominalRateHz ?? 0;
    const severity = phase === 'begun' ? 'warning' : 'info';
    const facts = { sensor: source.name, channel, phase, seen, count };
    events.record(`sensor.${kind}`, severity, sentenceFor(source.name, finding, rateHz), facts);
  }
}
