/** What the generator can do at most: a listener that answers CONNACK and PUBACK and looks at nothing else. */
import { createServer, type AddressInfo } from 'node:net';
import { serveOrders } from './child.ts';
import { PacketReader } from './mqtt-bytes.ts';

const CONNECT_TYPE = 1;
const PUBLISH_TYPE = 3;
const CONNACK = Buffer.from([0x20, 2, 0, 0]);

serveOrders(async () => {
  const server = createServer({ noDelay: true }, (socket) => {
    let acks: number[] = [];
    const reader = new PacketReader((type, body) => {
      if (type === CONNECT_TYPE) socket.write(CONNACK);
      if (type !== PUBLISH_TYPE) return;
      const packetIdAt = 2 + body.readUInt16BE(0);
      acks.push(0x40, 2, body[packetIdAt] ?? 0, body[packetIdAt + 1] ?? 0);
    });
    socket.on('data', (chunk: Buffer) => {
      reader.push(chunk);
      if (acks.length > 0) socket.write(Buffer.from(acks));
      acks = [];
    });
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port };
});
