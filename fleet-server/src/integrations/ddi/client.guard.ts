/** Default deny for clients: the tenant of this server, and a token that counts for the target they speak for. */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { systemTargetIdSchema } from '@shoal/protocol';
import { FleetError } from '../../errors.ts';
import { ClientTokens } from './client-tokens.service.ts';
import { Surroundings } from './surroundings.service.ts';

@Injectable()
export class ClientGuard implements CanActivate {
  private readonly tokens: ClientTokens;
  private readonly around: Surroundings;
  constructor(tokens: ClientTokens, around: Surroundings) {
    this.tokens = tokens;
    this.around = around;
  }

  /** @throws FleetError DDI_TOKEN_REFUSED | ROUTE_NOT_FOUND | REQUEST_INVALID */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const { params, headers } = http.getRequest<FastifyRequest<{ Params: Readonly<Record<string, string>> }>>();
    const { tenant = '', controllerId = '' } = params;
    if (tenant !== this.around.config.tenant) throw new FleetError('ROUTE_NOT_FOUND', 'There is no such tenant here.');
    const target = systemTargetIdSchema.safeParse(controllerId);
    if (!target.success)
      throw new FleetError('REQUEST_INVALID', `The controller id is of no use: ${target.error.issues[0]?.message}.`);
    // RFC 9110 11.6.1: a 401 says what would be accepted.
    void http.getResponse<FastifyReply>().header('www-authenticate', 'TargetToken, GatewayToken');
    await this.tokens.admit(target.data, headers.authorization);
    void http.getResponse<FastifyReply>().removeHeader('www-authenticate');
    return true;
  }
}
