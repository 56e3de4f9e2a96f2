/** Brings a control database to the newest schema; safe to repeat, also after a crash half-way. */
import type { Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { FleetError } from '../errors.ts';
import * as audit from './migrations/0001-audit.ts';
import * as devices from './migrations/0002-devices.ts';
import * as twins from './migrations/0003-twins.ts';
import * as deviceCommands from './migrations/0004-device-commands.ts';
import * as contexts from './migrations/0005-contexts.ts';
import * as featureViews from './migrations/0010-feature-views.ts';
import * as streams from './migrations/0011-streams.ts';
import * as deliveries from './migrations/0013-deliveries.ts';
import * as alertRules from './migrations/0014-alert-rules.ts';
import * as homeAssistant from './migrations/0018-home-assistant.ts';
import * as models from './migrations/0015-models.ts';
import * as scoringJobs from './migrations/0015-scoring-jobs.ts';
import * as scoringSchedules from './migrations/0017-scoring-schedules.ts';
import * as backtests from './migrations/0019-backtests.ts';
import * as systemUpdates from './migrations/0020-system-updates.ts';
import * as rollouts from './migrations/0016-rollouts.ts';

/** In order; SQLite has no transactional DDL in Kysely's eyes, so every step creates only what does not exist. */
const MIGRATIONS: Record<string, Migration> = {
  '0001-audit': audit,
  '0002-devices': devices,
  '0003-twins': twins,
  '0004-device-commands': deviceCommands,
  '0005-contexts': contexts,
  '0010-feature-views': featureViews,
  '0011-streams': streams,
  '0013-deliveries': deliveries,
  '0014-alert-rules': alertRules,
  '0018-home-assistant': homeAssistant,
  '0015-models': models,
  '0015-scoring-jobs': scoringJobs,
  '0017-scoring-schedules': scoringSchedules,
  '0016-rollouts': rollouts,
  '0019-backtests': backtests,
  '0020-system-updates': systemUpdates,
};

/** @throws FleetError DATABASE_SCHEMA when the file was written by a newer server or a step fails */
export const migrateToLatest = async <T>(db: Kysely<T>): Promise<void> => {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const failed = error instanceof Error ? error.message : 'unknown error';
  throw new FleetError(
    'DATABASE_SCHEMA',
    `The control database cannot be brought to this server's schema: ${failed}. Run the server version that wrote it, or restore a backup.`,
    { cause: error },
  );
};
