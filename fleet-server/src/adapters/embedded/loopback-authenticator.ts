/**
 * Who is speaking while everything stays on one machine: a device is its client id, a person is `operator:local`.
 * A client id that starts with `sub-`, or that is no device id, is a person who listens to public topics; device ids
 * that start with `sub-` are therefore not usable here.
 */
import { HOME_ASSISTANT_ROOT, TOPIC_ROOT, isDeviceId, topics, type Principal } from '@shoal/protocol';
import { Authenticator, type Authentication, type Credentials } from '../../ports/authenticator.ts';

const OPERATOR: Principal = Object.freeze({ kind: 'person', id: 'operator:local', roles: ['admin'] });

const PUBLIC_AREAS = [
  ...['live', 'windows', 'predictions', 'alerts', 'rollouts', 'fleet'].map((area) => `${TOPIC_ROOT}/${area}/`),
  `${HOME_ASSISTANT_ROOT}/`,
];

/** True for 127.0.0.0/8 and ::1, also when IPv4 is mapped into IPv6. */
export const isLoopback = (address: string): boolean => {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return plain === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(plain);
};

export class LoopbackAuthenticator extends Authenticator {
  override authenticate(credentials: Credentials): Authentication {
    return this.#decide(credentials);
  }

  override mayPublish(principal: Principal, topic: string): boolean {
    if (principal.kind === 'person') return topic === topics.homeAssistantStatus();
    return principal.kind === 'device' && topic.startsWith(upPrefix(principal.id));
  }

  override maySubscribe(principal: Principal, filter: string): boolean {
    if (principal.kind === 'device') return filter.startsWith(downPrefix(principal.id)) && !filter.includes('+');
    return principal.kind === 'person' && PUBLIC_AREAS.some((area) => filter.startsWith(area));
  }

  override mayCall(principal: Principal): boolean {
    return principal.kind === 'person';
  }

  #decide(credentials: Credentials): Authentication {
    if (!isLoopback(credentials.remoteAddress)) {
      return { ok: false, reason: `connections from ${credentials.remoteAddress} are refused: loopback only` };
    }
    if (credentials.channel === 'http') return { ok: true, principal: OPERATOR };
    const { clientId } = credentials;
    if (clientId.startsWith('sub-') || !isDeviceId(clientId)) return { ok: true, principal: OPERATOR };
    return { ok: true, principal: { kind: 'device', id: clientId, roles: ['device'] } };
  }
}

const upPrefix = (deviceId: string): string => `${TOPIC_ROOT}/devices/${deviceId}/up/`;
const downPrefix = (deviceId: string): string => topics.downFilter(deviceId).slice(0, -1);
