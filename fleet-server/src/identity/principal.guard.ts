/** Identifies the caller of every HTTP handler and refuses by default; MQTT handlers get a principal from the gateway. */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { actorOf } from '../audit/actor.ts';
import { FleetError } from '../errors.ts';
import { Authenticator } from '../ports/authenticator.ts';
import type { IdentifiedRequest } from './principal.decorator.ts';

const READ_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

@Injectable()
export class PrincipalGuard implements CanActivate {
  private readonly authenticator: Authenticator;
  constructor(authenticator: Authenticator) {
    this.authenticator = authenticator;
  }

  /** @throws FleetError UNAUTHENTICATED | FORBIDDEN */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const http = context.switchToHttp();
    const request = http.getRequest<IdentifiedRequest>();
    void http.getResponse<FastifyReply>().header('x-request-id', request.id);
    const credentials = { channel: 'http', headers: request.headers, remoteAddress: request.ip } as const;
    const authentication = await this.authenticator.authenticate(credentials);
    if (!authentication.ok) throw new FleetError('UNAUTHENTICATED', `Not accepted: ${authentication.reason}.`);
    const action = READ_METHODS.has(request.method) ? 'read' : 'write';
    if (!this.authenticator.mayCall(authentication.principal, action)) {
      throw new FleetError('FORBIDDEN', `${authentication.principal.id} may not ${action} here.`);
    }
    request.actor = actorOf(authentication.principal, request.ip);
    return true;
  }
}
