/** Gives every capability the control database; opens it before anything that uses it is made. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Logger, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../ports/clock.ts';
import { Metrics } from '../ports/metrics.ts';
import { ControlDatabase } from './database.ts';
import { DatabaseIncident } from './database-incident.ts';
import { openSqliteDatabase, quarantineReport, type OpenedDatabase } from './open-database.ts';

export interface DatabaseOptions {
  /** Path of `control.db`; its folder is made when missing. */
  readonly file: string;
}

class OpenedControlDatabase implements OnApplicationShutdown {
  readonly opened: OpenedDatabase;
  constructor(opened: OpenedDatabase) {
    this.opened = opened;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.opened.database.destroy();
  }
}

const open = async (options: DatabaseOptions, clock: Clock, metrics: Metrics): Promise<OpenedControlDatabase> => {
  mkdirSync(dirname(options.file), { recursive: true });
  const log = new Logger('Database');
  const opened = await openSqliteDatabase(options.file, clock.now(), (cause) => {
    metrics.count('database_thread_deaths_total');
    log.error(`The thread of the control database ended (${String(cause)}); the next statement starts another.`);
  });
  if (opened.quarantined !== null) {
    metrics.count('storage_quarantined_total');
    log.error(quarantineReport(options.file, opened.quarantined).message);
  }
  return new OpenedControlDatabase(opened);
};

@Module({})
export class DatabaseModule {
  static register(options: DatabaseOptions): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        {
          provide: OpenedControlDatabase,
          inject: [Clock, Metrics],
          useFactory: (clock: Clock, metrics: Metrics) => open(options, clock, metrics),
        },
        {
          provide: ControlDatabase,
          inject: [OpenedControlDatabase],
          useFactory: (handle: OpenedControlDatabase) => handle.opened.database,
        },
        {
          provide: DatabaseIncident,
          inject: [OpenedControlDatabase, Clock],
          useFactory: (handle: OpenedControlDatabase, clock: Clock) =>
            new DatabaseIncident(options.file, handle.opened.quarantined, clock.now()),
        },
      ],
      exports: [ControlDatabase, DatabaseIncident],
    };
  }
}
