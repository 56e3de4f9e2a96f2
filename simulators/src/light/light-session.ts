/** One connection of a light device: CONNECT with a will, subscription, birth and its reply, then messages until it ends. */
import {
  birthReplySchema,
  decodeFrame,
  encodeFrame,
  parseTopic,
  replySchema,
  topics,
  type Birth,
  type DownTopic,
  type Will,
} from '@shoal/protocol';
import type { Answer } from './light-answers.ts';
import { openMqttSocket, type MqttSocket } from './mqtt-socket.ts';

export interface LightSessionOptions {
  readonly host: string;
  readonly port: number;
  readonly birth: Birth;
  readonly deviceId: string;
}

export interface LightSessionHandlers {
  /** The server answered the birth: records may be sent. */
  readonly onReady: () => void;
  readonly onAcknowledged: (messageId: number) => void;
  readonly onDown: (topic: DownTopic, payload: Uint8Array) => void;
  /** Once, whatever ended the connection. */
  readonly onClosed: (why: string) => void;
}

export interface LightSession {
  readonly publish: (topic: string, payload: Uint8Array, messageId: number) => void;
  /** A message that is no record: its acknowledgement concerns nobody. */
  readonly say: (answer: Answer) => void;
  /** Counts time: called about once a second, with whether the server owes an acknowledgement. */
  readonly tick: (owed: boolean) => void;
  /** Farewell when the birth was answered, then DISCONNECT. */
  readonly leave: () => void;
  readonly destroy: (why: string) => void;
}

const KEEPALIVE_S = 60;
/** Ticks without any sign of the server, while one is due, that end a connection. */
const PATIENCE_TICKS = 15;
/** Lies above the ids of an outbox. */
const CONTROL_ID = 0xff_fe;

const isBirthReply = (connectionId: string, topic: DownTopic, payload: Uint8Array): boolean => {
  if (topic.what !== 'reply' || topic.requestId !== connectionId) return false;
  const reply = replySchema.safeParse(decodeFrame(payload));
  return reply.success && reply.data.outcome === 'ok' && birthReplySchema.safeParse(reply.data.body).success;
};

/** Opens the connection at once. */
export const openLightSession = (options: LightSessionOptions, handlers: LightSessionHandlers): LightSession => {
  const { deviceId, birth } = options;
  const presence = topics.presence(deviceId);
  const will = (reason: Will['reason']): Will => ({
    v: 1,
    state: 'offline',
    connectionId: birth.connectionId,
    reason,
  });
  let ready = false;
  let silentTicks = 0;
  let idleTicks = 0;
  const publish = (topic: string, payload: Uint8Array, messageId: number): void => {
    idleTicks = 0;
    socket.publish(topic, payload, messageId);
  };
  const say = ({ topic, body }: Answer): void => publish(topic, encodeFrame(body), CONTROL_ID);
  const receive = (topicName: string, payload: Uint8Array): void => {
    silentTicks = 0;
    const topic = parseTopic(topicName);
    if (topic.direction !== 'down') return;
    if (ready || !isBirthReply(birth.connectionId, topic, payload)) {
      handlers.onDown(topic, payload);
      return;
    }
    ready = true;
    handlers.onReady();
  };
  const socket: MqttSocket = openMqttSocket(
    {
      host: options.host,
      port: options.port,
      clientId: deviceId,
      keepaliveSeconds: KEEPALIVE_S,
      will: { topic: presence, payload: encodeFrame(will('lost')) },
    },
    {
      onConnected: () => socket.subscribe(topics.downFilter(deviceId)),
      onSubscribed: () => say({ topic: presence, body: birth }),
      onMessage: receive,
      onAcknowledged: (messageId) => {
        silentTicks = 0;
        handlers.onAcknowledged(messageId);
      },
      onClosed: handlers.onClosed,
    },
  );
  return {
    publish,
    say,
    tick: (owed) => {
      silentTicks = owed || !ready ? silentTicks + 1 : 0;
      idleTicks += 1;
      if (silentTicks > PATIENCE_TICKS) {
        socket.destroy('no sign of the server');
      } else if (ready && idleTicks >= KEEPALIVE_S / 2) {
        idleTicks = 0;
        socket.ping();
      }
    },
    leave: () => {
      if (ready) say({ topic: presence, body: will('stopped') });
      socket.end();
    },
    destroy: (why) => socket.destroy(why),
  };
};
