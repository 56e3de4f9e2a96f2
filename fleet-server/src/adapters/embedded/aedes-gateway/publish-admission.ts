/** Decides, without any effect, what becomes of one publish of a client: who handles it, or why it is refused. */
import { ProtocolError, TOPIC_ROOT, parseTopic, topics, type UpTopic } from '@shoal/protocol';
import type { FleetErrorCode } from '../../../errors.ts';
import type { Authenticator } from '../../../ports/authenticator.ts';
import { UP } from '../../../ports/device-gateway.ts';
import type { Session } from './session-registry.ts';

export type Admission =
  | { readonly verdict: 'records'; readonly topic: UpTopic }
  | { readonly verdict: 'single'; readonly pattern: string; readonly topic: UpTopic }
  /** Of a third party. */
  | { readonly verdict: 'heard'; readonly pattern: string }
  /** A device's own topic that this version does not know: kept as a dead letter and acknowledged, or it would loop. */
  | { readonly verdict: 'set-aside'; readonly reason: string; readonly detail: string }
  | { readonly verdict: 'refused'; readonly code: FleetErrorCode; readonly why: string };

interface Publish {
  readonly topic: string;
  readonly qos: number;
  /** Absent in a last will. */
  readonly messageId?: number | undefined;
}

/** The order is part of the contract: packet identifier, `$` topics, quality of service, access, topic. */
export const judgePublish = (session: Session, publish: Publish, authenticator: Authenticator): Admission => {
  const { topic } = publish;
  // [MQTT-2.3.1-1]: nothing can be acknowledged under it.
  if (publish.qos > 0 && publish.messageId === 0) return refused('MQTT_PROTOCOL_ERROR', 'packet identifier 0');
  if (topic.startsWith('$')) return refused('TOPIC_FORBIDDEN', `topic "${clip(topic)}" is reserved`);
  if (publish.qos > 1) return refused('QOS_UNSUPPORTED', 'QoS 2 is not supported; publish with QoS 1');
  if (!authenticator.mayPublish(session.principal, topic)) {
    const foreign = session.principal.kind === 'device' && topic.startsWith(`${TOPIC_ROOT}/devices/`);
    return refused(
      foreign ? 'DEVICE_MISMATCH' : 'TOPIC_FORBIDDEN',
      `"${session.principal.id}" may not publish to "${clip(topic)}"`,
    );
  }
  if (topic === topics.homeAssistantStatus()) return { verdict: 'heard', pattern: UP.homeAssistantStatus };
  const known = session.topics.get(topic) ?? parseOwn(session, topic);
  if (!('direction' in known)) return known;
  if (known.what === 'records') return { verdict: 'records', topic: known };
  return { verdict: 'single', pattern: patternOf(known), topic: known };
};

const parseOwn = (session: Session, topic: string): UpTopic | Admission => {
  try {
    const parsed = parseTopic(topic);
    if (parsed.direction === 'up') {
      // Command topics name a command each and are not worth keeping.
      if (parsed.what !== 'command') session.topics.set(topic, parsed);
      return parsed;
    }
    return { verdict: 'set-aside', reason: 'TOPIC_UNKNOWN', detail: `Topic "${clip(topic)}" is not for devices.` };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { verdict: 'set-aside', reason: error.code, detail: error.message };
  }
};

const patternOf = (topic: Exclude<UpTopic, { what: 'records' }>): string => {
  switch (topic.what) {
    case 'presence':
      return UP.presence;
    case 'twin':
      return UP.twin;
    case 'command':
      return UP.command;
    case 'request':
      return `up/request/${topic.method}`;
  }
};

const refused = (code: FleetErrorCode, why: string): Admission => ({ verdict: 'refused', code, why });

const clip = (text: string): string => text.slice(0, 80);
