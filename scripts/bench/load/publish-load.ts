/** The generator process: opens connections, prepares every packet before the clock starts, then publishes as asked. */
import { topics } from '@shoal/protocol';
import { serveOrders } from './child.ts';
import { publishPacket, type PublishPacket } from './mqtt-bytes.ts';
import { benchDeviceId, birthPayload, pumpMessages, pumpPayload, readingsTopic } from './pump-records.ts';
import { RawMqttClient } from './raw-mqtt-client.ts';

export interface LoadOrder {
  readonly port: number;
  readonly devices: number;
  readonly epoch: string;
  readonly messagesPerDevice: number;
  readonly recordsPerMessage: number;
  /** Publishes without acknowledgement per connection. */
  readonly window: number;
  /** Messages per second over all devices; 0 is as fast as the acknowledgements come. */
  readonly pacePerSecond: number;
  /** Event time of the first reading and from one to the next; when absent one a millisecond, up to now. */
  readonly eventTime?: { readonly startAt: number; readonly stepMs: number };
}

export interface LoadResult {
  readonly seconds: number;
  readonly acked: number;
  readonly closed: number;
  readonly payloadBytes: number;
  readonly latenciesMs: Float64Array;
}

interface Load {
  readonly client: RawMqttClient;
  readonly packets: PublishPacket[];
  next: number;
}

const prepare = async (order: LoadOrder, index: number, now: number): Promise<Load> => {
  const deviceId = benchDeviceId(index);
  const { epoch, messagesPerDevice: messages, recordsPerMessage } = order;
  const { startAt, stepMs } = order.eventTime ?? { startAt: now - messages * recordsPerMessage, stepMs: 1 };
  const packets: PublishPacket[] = [];
  for (const records of pumpMessages({ deviceId, epoch, messages, recordsPerMessage, startAt, stepMs })) {
    packets.push(publishPacket(readingsTopic(deviceId), pumpPayload(epoch, records, now)));
  }
  const client = new RawMqttClient(deviceId);
  await client.open(order.port);
  await new Promise<void>((resolve) => {
    client.onAck(() => resolve());
    client.publish(publishPacket(topics.presence(deviceId), birthPayload(epoch, now)));
  });
  return { client, packets, next: 0 };
};

const sendUpTo = (load: Load, window: number): void => {
  load.client.together(() => {
    while (load.client.inFlight < window) {
      const packet = load.packets[load.next];
      if (packet === undefined) return;
      load.next += 1;
      load.client.publish(packet);
    }
  });
};

const run = async (order: LoadOrder): Promise<LoadResult> => {
  const now = Date.now();
  const loads: Load[] = [];
  for (let index = 0; index < order.devices; index += 1) loads.push(await prepare(order, index, now));
  const total = order.devices * order.messagesPerDevice;
  const latenciesMs = new Float64Array(total);
  let acked = 0;
  let closed = 0;
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    for (const load of loads) {
      let scheduled = false;
      const refill = (): void => {
        scheduled = false;
        sendUpTo(load, order.window);
      };
      load.client.onAck((latencyMs) => {
        latenciesMs[acked] = latencyMs;
        acked += 1;
        if (acked === total) resolve();
        // Everything that one read acknowledged is answered with one write.
        if (scheduled || order.pacePerSecond > 0) return;
        scheduled = true;
        setImmediate(refill);
      });
      load.client.onClose(() => {
        closed += 1;
        if (closed === loads.length) resolve();
      });
    }
    if (order.pacePerSecond > 0) pace(loads, order.pacePerSecond, total);
    else for (const load of loads) sendUpTo(load, order.window);
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const payloadBytes = loads.reduce(
    (sum, { packets }) => sum + packets.reduce((bytes, p) => bytes + p.bytes.length, 0),
    0,
  );
  for (const { client } of loads) {
    client.onClose(() => undefined);
    client.close();
  }
  return { seconds, acked, closed, payloadBytes, latenciesMs: latenciesMs.subarray(0, acked).slice() };
};

/** Open loop: what is due is sent whether acknowledgements came or not, device after device. */
const pace = (loads: readonly Load[], perSecond: number, total: number): void => {
  const startedAt = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * perSecond));
    for (; sent < due; sent += 1) {
      const load = loads[sent % loads.length];
      const packet = load?.packets[load.next];
      if (load === undefined || packet === undefined) continue;
      load.next += 1;
      load.client.publish(packet);
    }
    if (sent === total) clearInterval(timer);
  }, 1);
};

serveOrders(run);
