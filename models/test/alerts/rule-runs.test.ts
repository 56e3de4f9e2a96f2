/** Rules over records, windows and the clock: what they say, what they leave out, and what a revision takes back. */
import { describe, expect, it } from '@jest/globals';
import { alertRuleSchema, type AlertRule, type Scalar, type WindowResult } from '@shoal/protocol';
import {
  decisionHash,
  emptyTally,
  NEW_KEY,
  planRule,
  runAbsence,
  runQuiet,
  runRecords,
  runWindow,
  type KeyState,
  type Run,
} from '../../src/alerts/index.ts';
import type { RecordColumns } from '../../src/streams/index.ts';

const MINUTE_MS = 60_000;
const NOW = 1_760_000_000_000;

const ruleOf = (rule: Record<string, unknown>): AlertRule => alertRuleSchema.parse({ name: 'rule', ...rule });

interface Row {
  readonly at: number;
  readonly values: Readonly<Record<string, Scalar>>;
  readonly clock?: 'good' | 'bad';
}

const columnsOf = (kind: RecordColumns['kind'], rows: readonly Row[], receivedAt = NOW): RecordColumns => ({
  deviceId: 'pump-1',
  kind,
  lane: 'live',
  receivedAt,
  length: rows.length,
  eventAt: rows.map(({ at }) => at),
  sequence: rows.map((_, index) => index + 1),
  clock: rows.map(({ clock = 'good' }) => clock),
  column: (name) => (row) => rows[row]?.values[name] ?? null,
});

const changesOf = ({ transitions }: Run): unknown[] =>
  transitions.map(({ change, at, value }) => [change, NOW - at, value]);

const hot = ruleOf({ on: { kind: 'readings' }, when: { value: 't', above: 80, clearAt: 70 } });
const ago = (ms: number, t: number | null): Row => ({ at: NOW - ms, values: { t } });

describe('records', () => {
  const run = (rule: AlertRule, rows: readonly Row[], kind: RecordColumns['kind'] = 'readings'): Run =>
    runRecords(planRule(rule), columnsOf(kind, rows), NEW_KEY, emptyTally());

  it('fire above a threshold, below one, and between the levels nothing changes', () => {
    expect(changesOf(run(hot, [ago(9, 80), ago(8, 81), ago(7, 75), ago(6, 70)]))).toEqual([
      ['fired', 8, 81],
      ['resolved', 6, 70],
    ]);
    const cold = ruleOf({ on: { kind: 'readings' }, when: { value: 't', below: 5, clearAt: 8 } });
    expect(changesOf(run(cold, [ago(9, 5), ago(8, 4), ago(7, 7), ago(6, 8)]))).toEqual([
      ['fired', 8, 4],
      ['resolved', 6, 8],
    ]);
  });

  it('say nothing without the value that is asked for', () => {
    expect(changesOf(run(hot, [ago(9, 90), ago(8, null)]))).toEqual([['fired', 9, 90]]);
    const both = ruleOf({ on: { kind: 'readings' }, when: { condition: 't > 80 && p < 2' } });
    const rows: Row[] = [
      { at: NOW - 9, values: { t: 90, p: 1 } },
      { at: NOW - 8, values: { other: 1 } },
      { at: NOW - 7, values: { t: 90, p: 3 } },
    ];
    expect(changesOf(run(both, rows))).toEqual([
      ['fired', 9, 90],
      ['resolved', 7, 90],
    ]);
  });

  it('are not looked at when they are of another kind, source or filter', () => {
    const pump = ruleOf({
      on: { kind: 'readings', source: 'pump' },
      where: '$lane != 1',
      when: { value: 't', above: 80 },
    });
    const rows: Row[] = [
      { at: NOW - 9, values: { t: 90, $source: 'tank' } },
      { at: NOW - 8, values: { t: 90, $source: 'pump', $lane: 1 } },
      { at: NOW - 7, values: { t: 91, $source: 'pump' } },
    ];
    expect(changesOf(run(pump, rows))).toEqual([['fired', 7, 91]]);
    expect(changesOf(run(pump, rows, 'predictions'))).toEqual([]);
  });

  it('that are history, or late, are counted and decide nothing', () => {
    const tally = emptyTally();
    const rows = [ago(16 * MINUTE_MS, 99), ago(10, 60)];
    const { state } = runRecords(planRule(hot), columnsOf('readings', rows), NEW_KEY, tally);
    const { transitions } = runRecords(planRule(hot), columnsOf('readings', [ago(20, 99)]), state, tally);
    expect([transitions, tally]).toEqual([[], { considered: 1, late: 1, historical: 1 }]);
    const asked = run(ruleOf({ ...hot, historical: true }), rows);
    expect(asked.transitions).toMatchObject([{ change: 'fired', isHistorical: true }, { change: 'resolved' }]);
  });

  it('of a clock that was set back are no history: what has lasted goes on lasting', () => {
    const held = ruleOf({ ...hot, forMs: 30_000 });
    // The second lags a little, the third is six minutes back.
    const rows = [ago(-300_000, 90), ago(-290_000, 91), ago(60_000, 92), ago(31_000, 93)];
    const { transitions } = run(held, rows);
    expect(transitions.map(({ change, at, since }) => [change, NOW - at, NOW - since])).toEqual([
      ['pended', -300_000, -300_000],
    ]);
    const longer = run(held, [...rows, ago(20_000, 94)]);
    expect(longer.transitions.at(-1)).toMatchObject({ change: 'fired', at: NOW - 20_000, since: NOW - 60_000 });
  });

  it('of a broken clock are flagged', () => {
    const { transitions } = run(hot, [{ at: NOW, values: { t: 90 }, clock: 'bad' }]);
    expect(transitions).toMatchObject([{ change: 'fired', isClockBad: true }]);
  });

  it('of events each say that something is wrong, and only quiet or another event says that it is over', () => {
    const gaps = ruleOf({ on: { kind: 'events' }, where: "$kind == 'sensor.gap'", quietMs: 60_000 });
    const plan = planRule(gaps);
    const rows: Row[] = [
      { at: NOW - 9, values: { $kind: 'sensor.gap' } },
      { at: NOW - 8, values: { $kind: 'agent.started' } },
    ];
    const { state, transitions } = runRecords(plan, columnsOf('events', rows), NEW_KEY, emptyTally());
    expect(transitions.map(({ change }) => change)).toEqual(['fired']);
    expect(runQuiet(plan, 'pump-1', state, NOW + 59_999).transitions).toEqual([]);
    expect(runQuiet(plan, 'pump-1', state, NOW + 60_000).transitions).toMatchObject([
      { change: 'resolved', reason: 'quiet' },
    ]);
    const stopped = ruleOf({
      on: { kind: 'events' },
      when: { condition: "$kind == 'sensor.stopped'", clear: "$kind == 'sensor.recovered'" },
    });
    const kinds = ['sensor.stopped', 'agent.started', 'sensor.recovered'];
    const events = kinds.map(($kind, index): Row => ({ at: NOW - 9 + index, values: { $kind } }));
    expect(changesOf(run(stopped, events, 'events'))).toEqual([
      ['fired', 9, null],
      ['resolved', 7, null],
    ]);
    expect(planRule(stopped).quietMs).toBeUndefined();
  });

  it('of drift are the events of that model', () => {
    const drift = ruleOf({ on: { kind: 'drift', model: 'wear' } });
    const rows: Row[] = [
      { at: NOW - 9, values: { $kind: 'drift.detected', model: 'other' } },
      { at: NOW - 8, values: { $kind: 'drift.detected', model: 'wear' } },
    ];
    expect(changesOf(run(drift, rows, 'events'))).toEqual([['fired', 8, null]]);
  });
});

describe('windows', () => {
  const rule = ruleOf({ on: { kind: 'window', stream: 'minute' }, when: { value: 'load.p99', above: 10 } });
  const windowOf = (minute: number, p99: number, over: Partial<WindowResult> = {}): WindowResult => ({
    stream: 'minute',
    key: 'north',
    level: 'window',
    startAt: NOW + minute * MINUTE_MS,
    endAt: NOW + (minute + 1) * MINUTE_MS,
    state: 'final',
    revision: 1,
    records: 60,
    clockBad: 0,
    values: { load: { p99 } },
    updatedAt: NOW + (minute + 1) * MINUTE_MS + 1,
    ...over,
  });
  const play = (windows: readonly WindowResult[], of = rule): { changes: unknown[]; state: KeyState } => {
    let state = NEW_KEY;
    const changes = windows.flatMap((window) => {
      const run = runWindow(planRule(of), window, state, emptyTally());
      state = run.state;
      return run.transitions.map(({ change, reason }) => (reason === null ? change : [change, reason]));
    });
    return { changes, state };
  };

  it('fire by a part of an aggregate, and are resolved by the next', () => {
    expect(play([windowOf(0, 5), windowOf(1, 11), windowOf(2, 9)]).changes).toEqual(['fired', ['resolved', 'over']]);
  });

  it('decide again when the newest is revised, from what was before it', () => {
    const raised = [windowOf(0, 5), windowOf(1, 9), windowOf(1, 12, { revision: 2 })];
    expect(play(raised).changes).toEqual(['fired']);
    const takenBack = [windowOf(0, 5), windowOf(1, 12), windowOf(1, 9, { revision: 2 }), windowOf(2, 8)];
    expect(play(takenBack).changes).toEqual(['fired', ['resolved', 'revised']]);
    const banded = ruleOf({ ...rule, when: { value: 'load.p99', above: 10, clearAt: 5 } });
    // Fired by the window before; the revision is in the band, so it fires still.
    const still = [windowOf(0, 12), windowOf(1, 3), windowOf(1, 7, { revision: 2 })];
    expect(play(still, banded).changes).toEqual(['fired', ['resolved', 'over'], 'fired']);
    const retracted = [windowOf(0, 5), windowOf(1, 12), windowOf(1, 0, { revision: 2, state: 'retracted' })];
    expect(play(retracted).changes).toEqual(['fired', ['resolved', 'revised']]);
  });

  it('that are older than the newest change nothing', () => {
    expect(play([windowOf(1, 5), windowOf(0, 12, { revision: 2 })]).changes).toEqual([]);
  });

  it('that are history raise nothing, but can take back what they raised', () => {
    const late = { updatedAt: NOW + 60 * MINUTE_MS };
    expect(play([windowOf(0, 12, late)]).changes).toEqual([]);
    expect(play([windowOf(0, 12), windowOf(0, 9, { ...late, revision: 2 })]).changes).toEqual([
      'fired',
      ['resolved', 'revised'],
    ]);
    expect(play([windowOf(0, 9), windowOf(0, 12, { ...late, revision: 2 })]).changes).toEqual([]);
  });
});

describe('absence', () => {
  const plan = planRule(ruleOf({ on: { kind: 'absence', afterMs: 60_000 } }));
  const gone = { deviceId: 'pump-1', isConnected: false, contactAt: NOW, recordsAt: NOW - 10 };

  it('begins when nothing was heard for long enough, and ends when it is heard', () => {
    expect(runAbsence(plan, gone, NEW_KEY, NOW + 59_999).transitions).toEqual([]);
    const fired = runAbsence(plan, gone, NEW_KEY, NOW + 60_000);
    expect(fired.transitions).toMatchObject([{ change: 'fired', since: NOW, value: 60 }]);
    expect(runAbsence(plan, gone, fired.state, NOW + 70_000).transitions).toEqual([]);
    const back = runAbsence(plan, { ...gone, isConnected: true }, fired.state, NOW + 80_000);
    expect(back.transitions).toMatchObject([{ change: 'resolved', reason: 'heard' }]);
  });

  it('is of contact, or of records', () => {
    const mute = { ...gone, isConnected: true };
    expect(runAbsence(plan, mute, NEW_KEY, NOW + 90_000).transitions).toEqual([]);
    const ofRecords = planRule(ruleOf({ on: { kind: 'absence', afterMs: 60_000, of: 'records' } }));
    expect(runAbsence(ofRecords, mute, NEW_KEY, NOW + 59_990).transitions).toMatchObject([{ change: 'fired' }]);
  });
});

describe('a rule', () => {
  it('that tells others or is described otherwise decides the same', () => {
    expect(decisionHash(ruleOf({ ...hot, description: 'x', severity: 'alarm' }))).toBe(decisionHash(hot));
    expect(decisionHash(ruleOf({ ...hot, forMs: 1 }))).not.toBe(decisionHash(hot));
  });

  it('is refused when it cannot decide', () => {
    const refused = (rule: Record<string, unknown>): boolean =>
      !alertRuleSchema.safeParse({ name: 'rule', ...rule }).success;
    expect(refused({ on: { kind: 'readings' } })).toBe(true);
    expect(refused({ on: { kind: 'readings' }, when: { value: 't' } })).toBe(true);
    expect(refused({ on: { kind: 'readings' }, when: { value: 't', above: 1, below: 2 } })).toBe(true);
    expect(refused({ on: { kind: 'readings' }, when: { value: 't', above: 80, clearAt: 90 } })).toBe(true);
    expect(refused({ on: { kind: 'readings' }, when: { condition: 't >' } })).toBe(true);
    expect(refused({ on: { kind: 'absence', afterMs: 60_000 }, forMs: 5 })).toBe(true);
    expect(refused({ on: { kind: 'events' } })).toBe(false);
  });
});
