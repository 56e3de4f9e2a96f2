/** Who may connect, and what is remembered of a connection from then on. */
import type { Socket } from 'node:net';
import type { Client } from 'aedes';
import { BOUNDS } from '@shoal/protocol';
import type { FleetErrorCode } from '../../../errors.ts';
import type { Authenticator } from '../../../ports/authenticator.ts';
import type { Session } from './session-registry.ts';
import { TokenBucket } from './token-bucket.ts';

/** [MQTT-3.2.2-3] return codes. */
const IDENTIFIER_REJECTED = 2;
const NOT_AUTHORIZED = 5;

export interface Credentials {
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
}

interface Refusal {
  readonly ok: false;
  readonly code: FleetErrorCode;
  readonly reason: string;
  readonly returnCode: number;
}

export const UNNAMED: Refusal = {
  ok: false,
  code: 'CLIENT_ID_INVALID',
  reason: 'an empty client id with a kept session',
  returnCode: IDENTIFIER_REJECTED,
};

const remoteAddressOf = (client: Client): string => (client.conn as Socket).remoteAddress ?? '';

export const admit = async (
  authenticator: Authenticator,
  client: Client,
  credentials: Credentials,
): Promise<{ readonly ok: true; readonly principal: Session['principal'] } | Refusal> => {
  const answer = await authenticator.authenticate({
    channel: 'mqtt',
    clientId: client.id,
    ...credentials,
    remoteAddress: remoteAddressOf(client),
  });
  if (answer.ok) return { ok: true, principal: answer.principal };
  return { ok: false, code: 'UNAUTHENTICATED', reason: answer.reason, returnCode: NOT_AUTHORIZED };
};

/** @param now monotonic milliseconds: both rates start with a full bucket */
export const newSession = (
  client: Client,
  { principal, socketId }: Pick<Session, 'principal' | 'socketId'>,
  now: number,
): Session => ({
  principal,
  client,
  socketId,
  remoteAddress: remoteAddressOf(client),
  messages: new TokenBucket({ perSecond: BOUNDS.messagesPerSecond, burst: BOUNDS.messagesBurst }, now),
  records: new TokenBucket({ perSecond: BOUNDS.recordsPerSecond, burst: BOUNDS.recordsBurst }, now),
  topics: new Map(),
  filters: new Set(),
  endingBecause: undefined,
});
