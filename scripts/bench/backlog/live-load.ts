/**
 * Devices that were never away, in one process: one reading a message at a steady rate whatever the acknowledgements do. Each
 * order ends a stretch of time and answers how long its publishes waited for their acknowledgement.
 */
import { topics } from '@shoal/protocol';
import { serveOrders } from '../load/child.ts';
import { publishPacket } from '../load/mqtt-bytes.ts';
import { birthPayload, pumpPayload, pumpReading, readingsTopic, seeded } from '../load/pump-records.ts';
import { RawMqttClient } from '../load/raw-mqtt-client.ts';

export type LiveOrder =
  /** Opens the connections and begins to send. */
  | {
      readonly what: 'begin';
      readonly port: number;
      readonly devices: number;
      readonly perSecond: number;
      readonly epoch: string;
    }
  /** Ends one stretch and begins the next. */
  | { readonly what: 'cut' }
  /** Sends no more. */
  | { readonly what: 'finish' };

export interface LiveStretch {
  /** Of what was published in the stretch, once all of it is acknowledged. */
  readonly latenciesMs: Float64Array;
  readonly unacknowledged: number;
  readonly closed: number;
}

const SETTLE_WITHIN_MS = 60_000;
const LOOK_MS = 20;

interface LiveDevice {
  readonly client: RawMqttClient;
  readonly topic: string;
  readonly random: () => number;
  sequence: number;
}

/** What was published since the last cut. */
class Stretch {
  readonly latenciesMs: number[] = [];
  sent = 0;
}

class LiveLoad {
  readonly #devices: LiveDevice[] = [];
  #stretch = new Stretch();
  #closed = 0;
  #timer: NodeJS.Timeout | undefined;
  #epoch = '';

  async begin({ port, devices, perSecond, epoch }: Extract<LiveOrder, { what: 'begin' }>): Promise<void> {
    this.#epoch = epoch;
    for (let index = 0; index < devices; index += 1) this.#devices.push(await this.#open(port, index));
    const startedAt = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
      for (; sent < due; sent += 1) {
        const device = this.#devices[sent % devices];
        if (device !== undefined) this.#send(device);
      }
    }, 1);
  }

  async cut(): Promise<LiveStretch> {
    const stretch = this.#stretch;
    this.#stretch = new Stretch();
    const deadline = performance.now() + SETTLE_WITHIN_MS;
    while (stretch.latenciesMs.length < stretch.sent && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return {
      latenciesMs: Float64Array.from(stretch.latenciesMs),
      unacknowledged: stretch.sent - stretch.latenciesMs.length,
      closed: this.#closed,
    };
  }

  finish(): Promise<LiveStretch> {
    clearInterval(this.#timer);
    return this.cut();
  }

  async #open(port: number, index: number): Promise<LiveDevice> {
    const deviceId = liveDeviceId(index);
    const client = new RawMqttClient(deviceId);
    await client.open(port);
    client.onClose(() => {
      this.#closed += 1;
    });
    await new Promise<void>((resolve) => {
      client.onAck(() => resolve());
      client.publish(publishPacket(topics.presence(deviceId), birthPayload(this.#epoch, Date.now())));
    });
    return { client, topic: readingsTopic(deviceId), random: seeded(index), sequence: 0 };
  }

  #send(device: LiveDevice): void {
    device.sequence += 1;
    const now = Date.now();
    const payload = pumpPayload(this.#epoch, [pumpReading(device.sequence, now, device.random)], now);
    const stretch = this.#stretch;
    stretch.sent += 1;
    device.client.publish(publishPacket(device.topic, payload), (latencyMs) => stretch.latenciesMs.push(latencyMs));
  }
}

const liveDeviceId = (index: number): string => `live-${String(index).padStart(4, '0')}`;

const load = new LiveLoad();
serveOrders(async (order: LiveOrder): Promise<LiveStretch | null> => {
  switch (order.what) {
    case 'begin':
      await load.begin(order);
      return null;
    case 'cut':
      return load.cut();
    case 'finish':
      return load.finish();
  }
});
