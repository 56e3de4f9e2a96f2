/** Decides from what is known of the parts whether the server is well. */
import type { Health } from '@shoal/protocol';
import type { StorageState } from '../ports/telemetry-store.ts';

export type Check = Health['checks'][number];

const SEVERITY = { ok: 0, degraded: 1, failing: 2 } as const;

/** As bad as the worst of its checks. */
export const healthOf = (checks: readonly Check[]): Health => {
  const worst = checks.reduce<Check['status']>(
    (status, check) => (SEVERITY[check.status] > SEVERITY[status] ? check.status : status),
    'ok',
  );
  return { status: worst, checks: [...checks] };
};

/** A refusing store cannot take records; one that lost its past can, but somebody should know. */
export const telemetryCheck = (storage: StorageState): Check => {
  if (storage.state === 'refusing') return { name: 'telemetry', status: 'failing', detail: storage.why };
  const { quarantined } = storage;
  if (quarantined === null) return { name: 'telemetry', status: 'ok', detail: null };
  return {
    name: 'telemetry',
    status: 'degraded',
    detail: `The telemetry file was corrupt and lies at ${quarantined}; a fresh one was begun.`,
  };
};

/** @param fault why the database does not answer, or null */
export const controlDatabaseCheck = (quarantined: string | null, fault: string | null): Check => {
  const name = 'control-database';
  if (fault !== null) return { name, status: 'failing', detail: fault };
  if (quarantined === null) return { name, status: 'ok', detail: null };
  return {
    name,
    status: 'degraded',
    detail: `The control database was corrupt and lies at ${quarantined}; a fresh one was begun.`,
  };
};
