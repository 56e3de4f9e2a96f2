/** Ready means that both databases answer. */
import { describe, expect, it } from '@jest/globals';
import { controlDatabaseCheck, healthOf, telemetryCheck } from '../../src/health/readiness.ts';

const STORING = { state: 'ok', why: null, sizeBytes: 0, quarantined: null } as const;

describe('readiness', () => {
  it('is as bad as the worst check', () => {
    const well = telemetryCheck(STORING);
    expect(healthOf([well, controlDatabaseCheck(null, null)]).status).toBe('ok');
    expect(healthOf([well, controlDatabaseCheck('control.db.corrupt-1', null)]).status).toBe('degraded');
    expect(healthOf([well, controlDatabaseCheck(null, 'its thread has ended')]).status).toBe('failing');
    expect(healthOf([telemetryCheck({ ...STORING, state: 'refusing', why: 'full' })]).status).toBe('failing');
  });

  it('tells a database that does not answer before one that was damaged once', () => {
    expect(controlDatabaseCheck('control.db.corrupt-1', 'no answer')).toMatchObject({ detail: 'no answer' });
  });
});
