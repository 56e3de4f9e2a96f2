/** Many light pumps in one process, sampled by one timer, spread evenly over the sample period. */
import { skewedClock, type DeviceClock } from './faults/clock.ts';
import { LightDevice, type Production } from './light-device.ts';
import { LightPump } from './light-pump.ts';
import { sisterStream } from './physics/pump-stream.ts';
import type { Scenario } from './scenario.ts';
import { seededRandom } from './seeded-random.ts';

export interface LightFleetOptions {
  readonly host: string;
  readonly port: number;
  readonly scenario: Scenario;
  readonly deviceId: (index: number) => string;
  readonly trueNow: DeviceClock;
  /** Distinguishes runs of the same scenario against the same server: the epochs hang on it. */
  readonly runId: string;
  readonly onProduced?: (production: Production) => void;
  /** Times the speed of the machine's clock that `trueNow` runs at; 1 where it is absent. */
  readonly speed?: number;
}

/** Samples of a period are taken in this many groups. */
const GROUPS = 20;

/** The clock of a device as the scenario has it. */
export const clockOf = (scenario: Scenario, index: number, trueNow: DeviceClock): DeviceClock => {
  const fault = scenario.clocks.find(({ device }) => device === index);
  return fault === undefined ? trueNow : skewedClock(trueNow, fault);
};

/** The faults of a device's own pump as the scenario has them. */
export const pumpFaultsOf = (scenario: Scenario, index: number): Scenario['pumps'][number]['faults'] =>
  scenario.pumps.filter(({ device }) => device === index).flatMap(({ faults }) => faults);

const lightPump = (options: LightFleetOptions, index: number): LightPump => {
  const { scenario, host, port, onProduced } = options;
  const deviceId = options.deviceId(index);
  const clock = clockOf(scenario, index, options.trueNow);
  const random = seededRandom(`${scenario.seed}/${options.runId}/${deviceId}`);
  const device = new LightDevice({ deviceId, host, port, clock, random, ...(onProduced && { onProduced }) });
  return new LightPump(device, sisterStream(`${scenario.seed}/${deviceId}`, pumpFaultsOf(scenario, index)), clock);
};

export class LightFleet {
  readonly pumps: readonly LightPump[];
  private readonly periodMs: number;
  private readonly speed: number;
  private readonly trueNow: DeviceClock;
  /** By group. */
  private readonly sampledAt = new Map<number, number>();
  private timer: NodeJS.Timeout | undefined;
  private group = 0;

  constructor(options: LightFleetOptions) {
    const { total, full } = options.scenario.devices;
    this.pumps = Array.from({ length: total - full }, (_, index) => lightPump(options, full + index));
    this.periodMs = options.scenario.samplePeriodMs;
    this.speed = options.speed ?? 1;
    this.trueNow = options.trueNow;
  }

  start(signal: AbortSignal): void {
    for (const pump of this.pumps) {
      pump.announce();
      pump.device.start(signal);
    }
    this.timer = setInterval(() => this.sampleGroup(), this.periodMs / this.speed / GROUPS);
  }

  /** No more samples; the devices go on sending what they have. */
  fallSilent(): void {
    clearInterval(this.timer);
  }

  /** Whether the server has acknowledged everything. */
  get isDrained(): boolean {
    return this.pumps.every(({ device }) => device.outbox.isEmpty);
  }

  /** A farewell from every device. */
  async stop(): Promise<void> {
    this.fallSilent();
    await Promise.all(this.pumps.map(async ({ device }) => device.stop()));
  }

  /** Fast days leave no time to be exact: what the timer lost is made up for, or the pumps would age slower than the clock. */
  private sinceLast(): number {
    if (this.speed === 1) return this.periodMs;
    const now = this.trueNow();
    const since = now - (this.sampledAt.get(this.group) ?? now - this.periodMs);
    this.sampledAt.set(this.group, now);
    return since;
  }

  private sampleGroup(): void {
    const sinceLastMs = this.sinceLast();
    for (let index = this.group; index < this.pumps.length; index += GROUPS) this.pumps[index]?.sample(sinceLastMs);
    this.group = (this.group + 1) % GROUPS;
  }
}
