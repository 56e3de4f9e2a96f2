/** The listening socket of the broker. */
import { createServer, type Server, type Socket } from 'node:net';
import type { MqttConfig } from '../../../config-schema.ts';
import { FleetError } from '../../../errors.ts';

const TCP_KEEPALIVE_MS = 60_000;
/** A fleet that comes back after a power cut knocks all at once. */
const BACKLOG = 4_096;

interface Door {
  readonly accept: (socket: Socket) => void;
  /** A connection beyond `maxConnections`. */
  readonly dropped: () => void;
}

/** @throws FleetError LISTEN_FAILED */
export const listenForMqtt = (config: MqttConfig, door: Door): Promise<Server> => {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS }, door.accept);
  server.maxConnections = config.maxConnections;
  server.on('drop', door.dropped);
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `Cannot listen for MQTT on ${config.host}:${config.port} (${cause.message}); choose another port.`;
      reject(new FleetError('LISTEN_FAILED', message, { cause }));
    });
    server.listen({ host: config.host, port: config.port, backlog: BACKLOG }, () => resolve(server));
  });
};
