/**
 * A small server with a known fault, so that the durability check can be seen to find it:
 * `node planted-server.js FOLDER none|ack-first|no-sync`.
 */
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { decodeBatch, encodeFrame, parseTopic, presenceSchema, topics, decodeFrame } from '@shoal/protocol';
import Database from 'better-sqlite3';
import { generate, parser, type IPublishPacket, type Packet } from 'mqtt-packet';

/** `ack-first` acknowledges and then commits; `no-sync` commits without waiting for the disk. */
export type PlantedFault = 'none' | 'ack-first' | 'no-sync';

const PLANTED_DATABASE = 'planted.db';

type Store = (deviceId: string, epoch: string, sequences: readonly number[]) => void;

const openStore = (folder: string, fault: PlantedFault): Store => {
  const db = new Database(join(folder, PLANTED_DATABASE));
  db.pragma('journal_mode = WAL');
  db.pragma(`synchronous = ${fault === 'no-sync' ? 'OFF' : 'FULL'}`);
  db.exec(
    'CREATE TABLE records (device TEXT, epoch TEXT, sequence INTEGER, PRIMARY KEY (device, epoch, sequence)) WITHOUT ROWID',
  );
  const insert = db.prepare('INSERT OR IGNORE INTO records VALUES (?, ?, ?)');
  return db.transaction((deviceId: string, epoch: string, sequences: readonly number[]) => {
    for (const sequence of sequences) insert.run(deviceId, epoch, sequence);
  });
};

const reply = (socket: Socket, deviceId: string, payload: Uint8Array): void => {
  const presence = presenceSchema.parse(decodeFrame(payload));
  if (presence.state !== 'online') return;
  const body = { v: 1, epoch: presence.epoch, highestSequence: 0, serverTime: Date.now() };
  const answer = encodeFrame({ v: 1, requestId: presence.connectionId, outcome: 'ok', body });
  const topic = topics.reply(deviceId, presence.connectionId);
  socket.write(generate({ cmd: 'publish', topic, payload: Buffer.from(answer), qos: 0, dup: false, retain: false }));
};

const take = (socket: Socket, packet: IPublishPacket, store: Store, fault: PlantedFault): void => {
  const topic = parseTopic(packet.topic);
  const payload = Buffer.from(packet.payload);
  const acknowledge = (): void => void socket.write(generate({ cmd: 'puback', messageId: packet.messageId ?? 0 }));
  if (topic.direction !== 'up' || topic.what !== 'records') {
    acknowledge();
    if (topic.direction === 'up' && topic.what === 'presence') reply(socket, topic.deviceId, payload);
    return;
  }
  const { epoch, records } = decodeBatch(topic.kind, payload);
  const commit = (): void =>
    store(
      topic.deviceId,
      epoch,
      records.map(({ sequence }) => sequence),
    );
  if (fault === 'ack-first') {
    acknowledge();
    setImmediate(commit);
  } else {
    commit();
    acknowledge();
  }
};

const serve = (folder: string, fault: PlantedFault): void => {
  const store = openStore(folder, fault);
  const answer = (socket: Socket, packet: Packet): void => {
    if (packet.cmd === 'connect') socket.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }));
    if (packet.cmd === 'subscribe') {
      socket.write(generate({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [1] }));
    }
    if (packet.cmd === 'publish') take(socket, packet, store, fault);
  };
  const server = createServer((socket) => {
    const packets = parser({ protocolVersion: 4 });
    packets.on('packet', (packet) => answer(socket, packet));
    socket.on('data', (chunk) => void packets.parse(chunk));
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    process.stdout.write(
      `${JSON.stringify({ event: 'ready', pid: process.pid, mqttUrl: `mqtt://127.0.0.1:${port}` })}\n`,
    );
  });
  process.once('SIGTERM', () => process.exit(0));
};

const [folder, fault] = process.argv.slice(2);
if (folder !== undefined) serve(folder, (fault ?? 'none') as PlantedFault);
