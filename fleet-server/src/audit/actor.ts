/** Who changed something and from where, as the audit trail names them. */
import type { Principal } from '@shoal/protocol';

export interface Actor {
  /** `kind:id` for devices and the system; a person's id as it is, for example `operator:local`. */
  readonly principal: string;
  /** Remote address; null for the server itself. */
  readonly from: string | null;
}

export const actorOf = (principal: Principal, from: string | null): Actor => ({
  principal: principal.kind === 'person' ? principal.id : `${principal.kind}:${principal.id}`,
  from,
});

/** The server acting on its own, for example when it sets a damaged file aside. */
export const SYSTEM: Actor = { principal: 'system:server', from: null };
