/** Decides who is speaking and what they may do. Now: a device is its client id, a person is `operator:local`. */
import type { Principal } from '@shoal/protocol';

export type Credentials =
  | {
      readonly channel: 'mqtt';
      readonly clientId: string;
      readonly username: string | undefined;
      readonly password: Uint8Array | undefined;
      readonly remoteAddress: string;
    }
  | {
      readonly channel: 'http';
      readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
      readonly remoteAddress: string;
    };

export type Authentication =
  { readonly ok: true; readonly principal: Principal } | { readonly ok: false; readonly reason: string };

export abstract class Authenticator {
  /** Never throws for bad credentials: a refusal is an answer, given at once by whoever has nobody to ask. */
  abstract authenticate(credentials: Credentials): Promise<Authentication> | Authentication;
  /** Per message and per forward; must be cheap. Default deny. */
  abstract mayPublish(principal: Principal, topic: string): boolean;
  abstract maySubscribe(principal: Principal, filter: string): boolean;
  /** HTTP: `action` is `read` or `write` on an API resource. */
  abstract mayCall(principal: Principal, action: 'read' | 'write'): boolean;
}
