/** Light devices in one process: each keeps a connection and sends one reading every ten seconds. */
import { topics } from '@shoal/protocol';
import { serveOrders } from './child.ts';
import { PINGREQ, publishPacket } from './mqtt-bytes.ts';
import { benchDeviceId, birthPayload, pumpPayload, pumpReading, readingsTopic, seeded } from './pump-records.ts';
import { RawMqttClient } from './raw-mqtt-client.ts';

export type LightOrder =
  /** Opens the connections, says the births, and starts to send. */
  | { readonly what: 'connect'; readonly port: number; readonly devices: number; readonly epoch: string }
  /** Sends on for so long. */
  | { readonly what: 'hold'; readonly seconds: number }
  /** Stops sending and waits for what is not acknowledged yet. */
  | { readonly what: 'finish' };

export interface LightReport {
  readonly connected: number;
  readonly closed: number;
  /** Per device, messages acknowledged. */
  readonly acked: readonly number[];
  readonly unacknowledged: number;
}

const PERIOD_MS = 10_000;
const KEEP_ALIVE_SECONDS = 60;
const CONNECTS_AT_ONCE = 100;
const FINISH_WITHIN_MS = 30_000;

interface Light {
  readonly client: RawMqttClient;
  readonly topic: string;
  readonly random: () => number;
  sequence: number;
  acked: number;
}

const lights: Light[] = [];
const progress = { closed: 0, epoch: '', stopped: false };

const open = async (port: number, index: number): Promise<void> => {
  const deviceId = benchDeviceId(index);
  const client = new RawMqttClient(deviceId);
  await client.open(port, KEEP_ALIVE_SECONDS);
  client.onClose(() => {
    progress.closed += 1;
  });
  await new Promise<void>((resolve) => {
    client.onAck(() => resolve());
    client.publish(publishPacket(topics.presence(deviceId), birthPayload(progress.epoch, Date.now())));
  });
  const light: Light = { client, topic: readingsTopic(deviceId), random: seeded(index), sequence: 0, acked: 0 };
  client.onAck(() => {
    light.acked += 1;
  });
  lights.push(light);
};

const send = (light: Light): void => {
  light.sequence += 1;
  const now = Date.now();
  const payload = pumpPayload(progress.epoch, [pumpReading(light.sequence, now, light.random)], now);
  light.client.publish(publishPacket(light.topic, payload));
  light.client.write(PINGREQ);
};

/** Devices are spread evenly over the period. */
const beat = (): void => {
  let next = 0;
  const startedAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    if (progress.stopped) {
      clearInterval(timer);
      return;
    }
    const due = Math.floor(((performance.now() - startedAt) / PERIOD_MS) * lights.length);
    for (; sent < due; sent += 1) {
      const light = lights[next];
      next = (next + 1) % lights.length;
      if (light !== undefined) send(light);
    }
  }, 10);
};

const report = (): LightReport => ({
  connected: lights.length,
  closed: progress.closed,
  acked: lights.map((light) => light.acked),
  unacknowledged: lights.reduce((sum, light) => sum + light.client.inFlight, 0),
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

serveOrders(async (order: LightOrder): Promise<LightReport> => {
  switch (order.what) {
    case 'connect':
      progress.epoch = order.epoch;
      for (let first = 0; first < order.devices; first += CONNECTS_AT_ONCE) {
        const group = Array.from({ length: Math.min(CONNECTS_AT_ONCE, order.devices - first) }, (_, n) => first + n);
        await Promise.all(group.map((index) => open(order.port, index)));
      }
      lights.sort((a, b) => (a.topic < b.topic ? -1 : 1));
      beat();
      return report();
    case 'hold':
      await pause(order.seconds * 1_000);
      return report();
    case 'finish': {
      progress.stopped = true;
      const deadline = performance.now() + FINISH_WITHIN_MS;
      while (report().unacknowledged > 0 && performance.now() < deadline) await pause(50);
      return report();
    }
  }
});
