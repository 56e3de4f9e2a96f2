/**
 * The devices that come back, in one process: all connect at once and drain what waited, oldest first, with the window of
 * the agent. Payloads are made and compressed before the clock starts and shared by the devices of a variant.
 */
import { topics } from '@shoal/protocol';
import { serveOrders } from '../load/child.ts';
import { publishPacket, type PublishPacket } from '../load/mqtt-bytes.ts';
import { birthPayload, readingsTopic } from '../load/pump-records.ts';
import { RawMqttClient } from '../load/raw-mqtt-client.ts';
import { VARIANTS, awayDeviceId, awayPayloads, type AwaySpan } from './away-records.ts';

/** `outbox.maxInFlight` of the agent. Its pace for a backlog has a burst of a whole window, so it does not show here. */
const WINDOW = 64;

export type FloodOrder =
  | { readonly what: 'prepare'; readonly devices: number; readonly epoch: string; readonly span: AwaySpan }
  | { readonly what: 'flood'; readonly port: number };

export interface FloodResult {
  /** From the first connection to the last acknowledgement. */
  readonly seconds: number;
  readonly acked: number;
  readonly expected: number;
  readonly closed: number;
  readonly payloadBytes: number;
  /** Longest time that a device waited from one acknowledgement to the next, milliseconds. */
  readonly longestSilenceMs: number;
}

const prepared = { devices: 0, epoch: '', payloads: [] as Uint8Array[][] };

/** One device on its way through its backlog. */
class Returning {
  readonly #client: RawMqttClient;
  readonly #topic: string;
  readonly #payloads: readonly Uint8Array[];
  #next = 0;
  #heardAt = 0;
  acked = 0;
  longestSilenceMs = 0;

  constructor(deviceId: string, payloads: readonly Uint8Array[]) {
    this.#client = new RawMqttClient(deviceId);
    this.#topic = readingsTopic(deviceId);
    this.#payloads = payloads;
  }

  /** Resolves with its last acknowledgement. @returns whether the connection held */
  async drain(port: number, birth: PublishPacket): Promise<boolean> {
    await this.#client.open(port);
    return new Promise((resolve) => {
      this.#client.onClose(() => resolve(false));
      this.#client.onAck(() => {
        this.#client.onAck(() => this.#heard(() => resolve(true)));
        this.#send();
      });
      this.#heardAt = performance.now();
      this.#client.publish(birth);
    });
  }

  close(): void {
    this.#client.onClose(() => undefined);
    this.#client.close();
  }

  #heard(done: () => void): void {
    const now = performance.now();
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.#heardAt);
    this.#heardAt = now;
    this.acked += 1;
    if (this.acked === this.#payloads.length) done();
    else this.#send();
  }

  #send(): void {
    this.#client.together(() => {
      while (this.#client.inFlight < WINDOW) {
        const payload = this.#payloads[this.#next];
        if (payload === undefined) return;
        this.#next += 1;
        this.#client.publish(publishPacket(this.#topic, payload));
      }
    });
  }
}

const flood = async (port: number): Promise<FloodResult> => {
  const births = birthPayload(prepared.epoch, Date.now());
  const returning = Array.from({ length: prepared.devices }, (_, index) => ({
    device: new Returning(awayDeviceId(index), prepared.payloads[index % VARIANTS] ?? []),
    birth: publishPacket(topics.presence(awayDeviceId(index)), births),
  }));
  const startedAt = performance.now();
  const held = await Promise.all(returning.map(({ device, birth }) => device.drain(port, birth)));
  const seconds = (performance.now() - startedAt) / 1_000;
  for (const { device } of returning) device.close();
  const sumOf = (pick: (payloads: readonly Uint8Array[]) => number): number =>
    returning.reduce((sum, _, index) => sum + pick(prepared.payloads[index % VARIANTS] ?? []), 0);
  return {
    seconds,
    acked: returning.reduce((sum, { device }) => sum + device.acked, 0),
    expected: sumOf((payloads) => payloads.length),
    closed: held.filter((isHeld) => !isHeld).length,
    payloadBytes: sumOf((payloads) => payloads.reduce((bytes, { length }) => bytes + length, 0)),
    longestSilenceMs: Math.max(...returning.map(({ device }) => device.longestSilenceMs)),
  };
};

serveOrders(async (order: FloodOrder): Promise<FloodResult | null> => {
  if (order.what === 'flood') return flood(order.port);
  prepared.devices = order.devices;
  prepared.epoch = order.epoch;
  prepared.payloads = Array.from({ length: VARIANTS }, (_, variant) => awayPayloads(variant, order.span, order.epoch));
  return null;
});
