/** What a device reports can always be carried by a merge patch, which knows no null. */
import { describe, expect, it } from '@jest/globals';
import { mergePatch, reportedStateSchema } from '../src/index.ts';

const REPORTED = {
  clock: { state: 'synchronised', offsetMs: 12 },
  models: { 'pump-anomaly': { version: '1.0.0', engine: 'native-child', state: 'ready' } },
};

describe('ReportedState', () => {
  it('stays valid when a patch takes away what is no longer known', () => {
    const patch = {
      clock: { state: 'unsynchronised', offsetMs: null },
      models: { 'pump-anomaly': { engine: null, state: 'loading' } },
    };
    expect(reportedStateSchema.parse(mergePatch(REPORTED, patch))).toEqual({
      clock: { state: 'unsynchronised' },
      models: { 'pump-anomaly': { version: '1.0.0', state: 'loading' } },
    });
  });

  it('takes null for unknown in a whole report, as before', () => {
    const whole = { clock: { state: 'unsynchronised', offsetMs: null } };
    expect(reportedStateSchema.parse(whole)).toEqual(whole);
  });
});
