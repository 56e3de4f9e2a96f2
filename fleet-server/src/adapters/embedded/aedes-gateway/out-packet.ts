/** What the server says, as Aedes takes it. */
import type { PublishPacket } from 'aedes';
import type { OutMessage } from '../../../ports/device-gateway.ts';

/** The payload is not copied. */
export const outPacket = (message: OutMessage): PublishPacket => ({
  cmd: 'publish',
  topic: message.topic,
  payload: Buffer.from(message.payload.buffer, message.payload.byteOffset, message.payload.byteLength),
  qos: message.qos,
  retain: message.retain,
  dup: false,
});
