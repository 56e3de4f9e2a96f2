/** GET /health/live, /health/ready and /metrics. */
import { setTimeout } from 'node:timers/promises';
import { Controller, Get, Header, Res } from '@nestjs/common';
import type { Health } from '@shoal/protocol';
import type { FastifyReply } from 'fastify';
import { sql } from 'kysely';
import { ControlDatabase } from '../db/database.ts';
import { DatabaseIncident } from '../db/database-incident.ts';
import { Metrics } from '../ports/metrics.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';
import { controlDatabaseCheck, healthOf, telemetryCheck } from './readiness.ts';

/** A database that takes longer for nothing is not ready. */
const ANSWER_WITHIN_MS = 2_000;

@Controller()
export class HealthController {
  private readonly telemetry: TelemetryStore;
  private readonly metrics: Metrics;
  private readonly incident: DatabaseIncident;
  private readonly database: ControlDatabase;
  constructor(telemetry: TelemetryStore, metrics: Metrics, incident: DatabaseIncident, database: ControlDatabase) {
    this.telemetry = telemetry;
    this.metrics = metrics;
    this.incident = incident;
    this.database = database;
  }

  /** The process answers; nothing else is asked. */
  @Get('health/live')
  live(): Health {
    return healthOf([{ name: 'process', status: 'ok', detail: null }]);
  }

  @Get('health/ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Health> {
    const [storage, fault] = await Promise.all([this.telemetry.storageState(), this.databaseFault()]);
    const health = healthOf([telemetryCheck(storage), controlDatabaseCheck(this.incident.quarantined, fault)]);
    void reply.code(health.status === 'failing' ? 503 : 200);
    return health;
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async expose(): Promise<string> {
    await this.telemetry.storageState();
    return this.metrics.expose();
  }

  /** Asks it something; that also starts a dead thread again. */
  private async databaseFault(): Promise<string | null> {
    const answered = sql`select 1`.execute(this.database).then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const late = setTimeout(ANSWER_WITHIN_MS, 'The control database does not answer.', { ref: false });
    return Promise.race([answered, late]);
  }
}
