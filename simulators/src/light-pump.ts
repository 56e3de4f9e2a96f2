/** A light device with a simulated pump behind it. */
import type { DeviceClock } from './faults/clock.ts';
import type { LightDevice } from './light-device.ts';
import type { PumpStream } from './physics/pump-stream.ts';

export const PUMP_SOURCE = 'pump';

export class LightPump {
  readonly device: LightDevice;
  private readonly stream: PumpStream;
  private readonly clock: DeviceClock;

  constructor(device: LightDevice, stream: PumpStream, clock: DeviceClock) {
    this.device = device;
    this.stream = stream;
    this.clock = clock;
  }

  /** One sample, `sinceLastMs` after the one before, sent as one message. */
  sample(sinceLastMs: number): void {
    const values = this.stream.next(sinceLastMs);
    this.device.produce('readings', 'reading', [{ observedAt: this.clock(), source: PUMP_SOURCE, values }]);
  }

  /** The event every device begins with. */
  announce(): void {
    this.device.produce('events', 'alarm', [
      { observedAt: this.clock(), kind: 'agent.started', severity: 'info', message: 'A light simulated pump started.' },
    ]);
  }
}
