/** Nobody gets in without a principal: the guard stands before every HTTP route and refuses by default. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Principal } from '@shoal/protocol';
import { pino } from 'pino';
import type { Actor } from '../../src/audit/actor.ts';
import { IdentityModule } from '../../src/identity/identity.module.ts';
import { Caller } from '../../src/identity/principal.decorator.ts';
import { Authenticator, type Authentication, type Credentials } from '../../src/ports/authenticator.ts';
import { Metrics } from '../../src/ports/metrics.ts';
import { PrometheusMetrics } from '../../src/adapters/embedded/prometheus-metrics.ts';
import { ProblemFilter } from '../../src/problem.filter.ts';

const VIEWER: Principal = { kind: 'person', id: 'viewer', roles: ['viewer'] };

/** Knows the one who sends `x-who: viewer`, and lets them read. */
class HeaderAuthenticator extends Authenticator {
  override authenticate(credentials: Credentials): Promise<Authentication> {
    const who = credentials.channel === 'http' ? credentials.headers['x-who'] : undefined;
    if (who === 'viewer') return Promise.resolve({ ok: true, principal: VIEWER });
    return Promise.resolve({ ok: false, reason: 'nobody we know' });
  }
  override mayPublish(): boolean {
    return false;
  }
  override maySubscribe(): boolean {
    return false;
  }
  override mayCall(_: Principal, action: 'read' | 'write'): boolean {
    return action === 'read';
  }
}

@Controller()
class EchoController {
  @Get('whoami')
  whoami(@Caller() actor: Actor): Actor {
    return actor;
  }
  @Post('change')
  change(@Caller() actor: Actor): Actor {
    return actor;
  }
}

@Module({
  imports: [IdentityModule],
  controllers: [EchoController],
  providers: [{ provide: Metrics, useClass: PrometheusMetrics }],
})
class EchoModule {}

@Module({
  providers: [{ provide: Authenticator, useClass: HeaderAuthenticator }],
  exports: [Authenticator],
})
class PortModule {}

describe('the principal guard', () => {
  let app: NestFastifyApplication | undefined;
  afterEach(async () => {
    await app?.close();
  });

  const start = async (): Promise<NestFastifyApplication> => {
    const root = { module: EchoModule, imports: [{ module: PortModule, global: true }] };
    app = await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), { logger: false });
    app.useGlobalFilters(new ProblemFilter(new PrometheusMetrics(), pino({ level: 'silent' })));
    await app.init();
    return app;
  };

  it('names the caller and the address to the handler, and the request to the caller', async () => {
    const answer = await (await start()).inject({ url: '/whoami', headers: { 'x-who': 'viewer' } });
    expect(answer.json()).toEqual({ principal: 'viewer', from: '127.0.0.1' });
    expect(answer.headers['x-request-id']).toBeTruthy();
  });

  it('refuses who is unknown with 401 and what is not allowed with 403, as problems', async () => {
    const server = await start();
    const unknown = await server.inject({ url: '/whoami' });
    expect([unknown.statusCode, unknown.json().code]).toEqual([401, 'UNAUTHENTICATED']);
    const forbidden = await server.inject({ method: 'POST', url: '/change', headers: { 'x-who': 'viewer' } });
    expect([forbidden.statusCode, forbidden.json().code]).toEqual([403, 'FORBIDDEN']);
    expect(forbidden.headers['content-type']).toContain('application/problem+json');
  });
});
