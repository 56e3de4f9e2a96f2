/** The reasons that need a person: one row each, worst first, with examples and what to do. */
import { describe, expect, it } from '@jest/globals';
import { attentionSchema } from '@shoal/protocol';
import { attentionOf, type ServerFacts } from '../../src/dashboard/attention.ts';
import { saysTheSame } from '../../src/dashboard/fleet-summary.ts';
import type { DeviceFacts } from '../../src/devices/device-facts.ts';
import { DeviceRoster, type RosterEntry } from '../../src/devices/device-roster.ts';
import type { ReportedFacts } from '../../src/devices/reported-facts.ts';

const SERVER: ServerFacts = {
  now: 1_000_000,
  startedAt: 1_000_000,
  storage: { state: 'ok', why: null, sizeBytes: 0 },
  storageSince: 0,
  quarantined: null,
  deadLettersLastMinute: 0,
};

const fleet = (count: number, facts: Partial<DeviceFacts>, reported: ReportedFacts = {}): Iterable<RosterEntry> => {
  const roster = new DeviceRoster();
  for (let index = 0; index < count; index += 1) {
    roster.put(
      {
        deviceId: `d-${index}`,
        labels: {},
        revision: 0,
        registeredAt: 1,
        firstSeenAt: 1,
        birth: null,
        presence: { kind: 'online', connectionId: 'c', socketId: 1, since: 100 + index },
        twin: { version: 0, appliedVersion: 0, reported },
        clockBadSince: null,
        ...facts,
      },
      null,
    );
  }
  return roster.all();
};

describe('what needs attention', () => {
  it('is nothing in a healthy fleet', () => {
    expect(attentionOf(fleet(3, {}), SERVER)).toEqual({ reasons: [] });
  });

  it('is one row per reason with at most five examples and the earliest instant', () => {
    const { reasons } = attentionOf(
      fleet(7, { clockBadSince: 42 }, { outbox: { depth: 0, sizeBytes: 0, dropped: { debug: 1 } } }),
      SERVER,
    );
    expect(reasons).toMatchObject([
      { code: 'CLOCK_BAD', devices: 7, since: 42, examples: ['d-0', 'd-1', 'd-2', 'd-3', 'd-4'] },
      { code: 'RECORDS_DROPPED', devices: 7, since: 100 },
    ]);
    for (const { remedy } of reasons) expect(remedy).not.toBe('');
  });

  it('puts errors before warnings, whatever their number', () => {
    const models = { m: { version: '1', engine: null, state: 'unavailable' as const } };
    const server = {
      ...SERVER,
      deadLettersLastMinute: 900,
      storage: { state: 'refusing' as const, why: 'disk full', sizeBytes: 1 },
    };
    const attention = attentionOf(fleet(2, { clockBadSince: 1 }, { models }), server);
    expect(attention.reasons.map(({ code }) => code)).toEqual([
      'MODEL_UNAVAILABLE',
      'STORAGE_REFUSING',
      'CLOCK_BAD',
      'DEAD_LETTERS',
    ]);
    expect(attentionSchema.parse(attention)).toEqual(attention);
  });

  it('gives devices time to come back after a start, and lists those that did not', () => {
    const absent = { presence: { kind: 'unknown', since: 5 } } as const;
    expect(attentionOf(fleet(1, absent), SERVER).reasons).toEqual([]);
    const later = { ...SERVER, now: SERVER.startedAt + 120_000 };
    expect(attentionOf(fleet(1, absent), later).reasons).toMatchObject([
      { code: 'NOT_BACK', sentence: expect.stringMatching(/^1 device /) },
    ]);
  });

  it('does not complain of devices that stopped in good order', () => {
    const stopped = { kind: 'offline', connectionId: 'c', reason: 'stopped', why: '', since: 1 } as const;
    expect(attentionOf(fleet(1, { presence: stopped }), SERVER).reasons).toEqual([]);
  });

  it('repeats the words of a device for a code that only it knows', () => {
    const health = {
      state: 'degraded' as const,
      reasons: [{ code: 'FAN', sentence: 'The fan stands still.', since: 3 }],
    };
    expect(attentionOf(fleet(2, {}, { health }), SERVER).reasons).toMatchObject([
      { code: 'FAN', sentence: '2 devices report degraded health: The fan stands still.' },
    ]);
  });
});

describe('a summary', () => {
  const summary = {
    at: 1,
    devices: { total: 1, byState: { online: 1 } },
    connections: 1,
    rates: { records: 0, predictions: 0, messages: 0, deadLetters: 0 },
    totals: { records: 0, duplicates: 0, deadLetters: 0, droppedOnDevices: 0 },
    predictionSources: {},
    models: [],
    storage: SERVER.storage,
  };
  it('is the same when only the time has moved', () => {
    expect(saysTheSame(summary, { ...summary, at: 2 })).toBe(true);
    expect(saysTheSame(summary, { ...summary, connections: 2 })).toBe(false);
    expect(saysTheSame(undefined, summary)).toBe(false);
  });
});
