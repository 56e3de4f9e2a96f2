/** Whether who asks holds a token that counts: compared as hashes of equal length, so that the time taken says nothing. */
import { createHash, timingSafeEqual } from 'node:crypto';

export interface PresentedToken {
  readonly kind: 'gateway' | 'target';
  readonly hash: string;
}

const HEADER = /^(GatewayToken|TargetToken) +([\x21-\x7e]{1,256})$/;

export const hashOfToken = (token: string): string => createHash('sha256').update(token, 'utf8').digest('hex');

/** `Authorization: GatewayToken …` or `TargetToken …`, as hawkBit has them. */
export const presentedToken = (authorization: string | undefined): PresentedToken | undefined => {
  const [, scheme, token] = HEADER.exec(authorization ?? '') ?? [];
  if (token === undefined) return undefined;
  return { kind: scheme === 'GatewayToken' ? 'gateway' : 'target', hash: hashOfToken(token) };
};

/** Nothing matches where there is no expected one. */
export const isSameToken = (hash: string, expected: string | null): boolean =>
  expected !== null && timingSafeEqual(Buffer.from(hash, 'hex'), Buffer.from(expected, 'hex'));
