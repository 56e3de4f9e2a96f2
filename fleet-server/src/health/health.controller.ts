/** GET /health/live, /health/ready and /metrics. */
import { Controller, Get, Header, Res } from '@nestjs/common';
import type { Health } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { DatabaseIncident } from '../db/database-incident.ts';
import { Metrics } from '../ports/metrics.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';
import { controlDatabaseCheck, healthOf, telemetryCheck } from './readiness.ts';

@Controller()
export class HealthController {
  private readonly telemetry: TelemetryStore;
  private readonly metrics: Metrics;
  private readonly incident: DatabaseIncident;
  constructor(telemetry: TelemetryStore, metrics: Metrics, incident: DatabaseIncident) {
    this.telemetry = telemetry;
    this.metrics = metrics;
    this.incident = incident;
  }

  /** The process answers; nothing else is asked. */
  @Get('health/live')
  live(): Health {
    return healthOf([{ name: 'process', status: 'ok', detail: null }]);
  }

  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Health> {
    const storage = await this.telemetry.storageState();
    const health = healthOf([telemetryCheck(storage), controlDatabaseCheck(this.incident.quarantined)]);
    void reply.code(health.status === 'failing' ? 503 : 200);
    return health;
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async expose(): Promise<string> {
    await this.telemetry.storageState();
    return this.metrics.expose();
  }
}
