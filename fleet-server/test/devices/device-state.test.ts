/** One word, one sentence, one instant for every set of facts. */
import { describe, expect, it } from '@jest/globals';
import type { DeviceFacts } from '../../src/devices/device-facts.ts';
import { complaintsOf, deviceState } from '../../src/devices/device-state.ts';
import { factsOf } from '../../src/devices/reported-facts.ts';

const facts = (overrides: Partial<DeviceFacts> = {}): DeviceFacts => ({
  deviceId: 'a',
  labels: {},
  revision: 0,
  registeredAt: 1,
  firstSeenAt: 1,
  birth: null,
  presence: { kind: 'online', connectionId: 'c', socketId: 1, since: 50 },
  twin: { version: 3, appliedVersion: 3, reported: {} },
  clockBadSince: null,
  ...overrides,
});
const reporting = (reported: Parameters<typeof factsOf>[0], overrides: Partial<DeviceFacts> = {}): DeviceFacts =>
  facts({ twin: { version: 3, appliedVersion: 2, reported: factsOf(reported) }, ...overrides });

describe('the state of a device', () => {
  it.each([
    [{ kind: 'never-connected', since: 1 }, 'never-seen', 1],
    [{ kind: 'unknown', since: 2 }, 'unknown', 2],
    [{ kind: 'offline', connectionId: 'c', reason: 'stopped', why: 'x', since: 3 }, 'offline', 3],
    [{ kind: 'online', connectionId: 'c', socketId: 1, since: 4 }, 'online', 4],
  ] as const)('of %j is %s', (presence, state, since) => {
    expect(deviceState(facts({ presence }))).toMatchObject({ state, since });
  });

  it('tells what ended a lost connection', () => {
    const presence = {
      kind: 'offline',
      connectionId: 'c',
      reason: 'lost',
      why: 'keep-alive ran out',
      since: 3,
    } as const;
    expect(deviceState(facts({ presence })).why).toBe('Its connection was lost: keep-alive ran out.');
  });

  it('is degraded in the words of the device before the words of the server', () => {
    const reasons = [{ code: 'SENSOR_SILENT', sentence: 'The sensor is silent.', since: 7 }];
    const ill = reporting({ health: { state: 'degraded', reasons } }, { clockBadSince: 9 });
    expect(deviceState(ill)).toEqual({ state: 'degraded', why: 'The sensor is silent.', since: 7 });
    expect(complaintsOf(ill).map(({ code }) => code)).toEqual(['SENSOR_SILENT', 'CLOCK_BAD']);
  });

  it.each([
    ['MODEL_UNAVAILABLE', { models: { m: { version: '1', engine: null, state: 'unavailable' } } }],
    ['CONFIGURATION_REFUSED', { refusal: { version: 3, code: 'X', message: 'too small' } }],
    ['CLOCK_UNSYNCHRONISED', { clock: { state: 'unsynchronised', offsetMs: null } }],
    ['DEGRADED', { health: { state: 'degraded', reasons: [] } }],
  ])('is degraded by %s', (code, reported) => {
    expect(deviceState(reporting(reported)).state).toBe('degraded');
    expect(complaintsOf(reporting(reported)).map((complaint) => complaint.code)).toEqual([code]);
  });

  it('has nothing against a refusal of an older version, and nothing to say of what it cannot read', () => {
    expect(deviceState(reporting({ refusal: { version: 2, code: 'X', message: 'y' } })).state).toBe('online');
    expect(deviceState(reporting({ health: { state: 'so-so' }, models: 7, clock: 'late' })).state).toBe('online');
  });

  it('does not call an absent device degraded', () => {
    const ill = { health: { state: 'degraded', reasons: [] } };
    expect(deviceState(reporting(ill, { presence: { kind: 'unknown', since: 1 } })).state).toBe('unknown');
  });
});
