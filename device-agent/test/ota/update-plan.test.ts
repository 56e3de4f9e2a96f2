import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { UPDATE_STATES, type AssignedModel, type UpdateHold, type UpdateState } from '@shoal/protocol';
import { afterEvent, type UpdateEvent } from '../../src/ota/update-plan.ts';
import { isTerminal, UPDATE_TABLE, workOf } from '../../src/ota/update-table.ts';
import type { ModelRecord } from '../../src/ota/update-record.ts';

const sha = (digit: string): string => digit.repeat(64);
const modelOf = (digit: string, releaseCounter = Number.parseInt(digit, 16)): AssignedModel => ({
  deploymentId: `d-${digit}`,
  name: 'm',
  version: `1.0.${digit}`,
  target: `models/m/1.0.${digit}/${sha(digit)}`,
  sha256: sha(digit),
  lengthBytes: 10,
  releaseCounter,
  jitterSeconds: 0,
  shadow: { minWindows: 1, maxSeconds: 60, minAgreementPpm: 900_000 },
  probation: { minInferences: 1, minSeconds: 0, maxSeconds: 60 },
});
const assigned = (digit: string): UpdateEvent => ({
  type: 'assigned',
  model: modelOf(digit),
  signed: { digest: sha(digit), chunks: [sha('0')] },
});
const cause = { code: 'GOLDEN_MISMATCH', message: 'planted' };
const done = (state: UpdateState): UpdateEvent => ({ type: 'done', in: state });

const FREE = { now: 1_000, hold: null };
const HOLD: UpdateHold = { since: 1_000, until: 61_000, reason: 'a measurement runs' };
const HELD = { now: 1_000, hold: HOLD };

const afterIn = (
  moment: typeof FREE | typeof HELD,
  record: ModelRecord | undefined,
  ...events: readonly UpdateEvent[]
): ModelRecord =>
  events.reduce<ModelRecord>(
    (before, event) => afterEvent(before, event, moment),
    afterEvent(record, { type: 'confirmed' }, moment),
  );
const after = (record: ModelRecord | undefined, ...events: readonly UpdateEvent[]): ModelRecord =>
  afterIn(FREE, record, ...events);
const stateOf = ({ update }: ModelRecord): UpdateState | undefined => update?.state;

/** Through the table, to its end. */
const WAY: readonly UpdateState[] = [
  'assigned',
  'downloading',
  'verifying',
  'staged',
  'self-test',
  'shadow',
  'activating',
  'probation',
];
const at = (state: UpdateState, digit: string, record?: ModelRecord): ModelRecord =>
  after(record, assigned(digit), ...WAY.slice(0, WAY.indexOf(state)).map(done));
const committed = (digit: string, record?: ModelRecord): ModelRecord =>
  after(at('probation', digit, record), done('probation'));

/** State → chains of what it becomes when its work fails, when its deadline passes, and when the agent dies in it again and again. */
const ENDS: Readonly<Record<string, { readonly failed: UpdateState; readonly killed: UpdateState | null }>> = {
  assigned: { failed: 'rejected', killed: null },
  downloading: { failed: 'rejected', killed: null },
  verifying: { failed: 'rejected', killed: null },
  staged: { failed: 'rejected', killed: null },
  'self-test': { failed: 'rejected', killed: 'rejected' },
  shadow: { failed: 'rejected', killed: 'rejected' },
  activating: { failed: 'rejected', killed: 'rejected' },
  probation: { failed: 'rolling-back', killed: 'rolling-back' },
};

/**
 * State → where it is once its work is done while updates are held, and what it is when they go on. The hold changes nothing in the
 * others. What is begun finishes; no download, test, shadow or switch begins.
 */
const HOLDS: Readonly<Record<string, { readonly waits: UpdateState; readonly released: UpdateState }>> = {
  assigned: { waits: 'wait-window', released: 'wait-window' },
  staged: { waits: 'staged', released: 'self-test' },
  'self-test': { waits: 'self-test', released: 'shadow' },
  shadow: { waits: 'shadow', released: 'activating' },
  activating: { waits: 'shadow', released: 'activating' },
};
const DEATHS = Array.from({ length: 9 }, (): UpdateEvent => ({ type: 'started' }));

/** Events that count how often they come. */
const COUNTING: readonly string[] = ['started', 'failed', 'corrupt', 'done'];

/** What may begin while updates are held. */
const DISTURBS_NOTHING: readonly (UpdateState | undefined)[] = [
  undefined,
  'assigned',
  'verifying',
  'staged',
  'rolling-back',
  ...UPDATE_STATES.filter(isTerminal),
];
const anyState = fc.constantFrom(...UPDATE_STATES);
const anyEvent: fc.Arbitrary<UpdateEvent> = fc.oneof(
  fc.constantFrom('1', '2', '3').map(assigned),
  fc.constantFrom<UpdateEvent>(
    { type: 'withdrawn' },
    { type: 'started' },
    { type: 'stopping' },
    { type: 'confirmed' },
    { type: 'hold-changed' },
  ),
  fc.constant<UpdateEvent>({ type: 'waiting', cause }),
  fc.constant<UpdateEvent>({ type: 'corrupt', cause }),
  fc.nat(4).map((floor): UpdateEvent => ({ type: 'floor', floor })),
  anyState.map(done),
  fc.record({ in: anyState, retryable: fc.boolean() }).map((what): UpdateEvent => ({ type: 'failed', cause, ...what })),
  fc.record({ in: anyState, elapsedMs: fc.nat(1e10) }).map((what): UpdateEvent => ({ type: 'progress', ...what })),
  fc.constantFrom('1', '2', '3').map((digit): UpdateEvent => ({ type: 'damaged', sha256: sha(digit), cause })),
);

describe('the table of an update', () => {
  it('leads from an assignment to a version that is committed, the one before kept', () => {
    const record = committed('2', committed('1'));
    expect(stateOf(record)).toBe('committed');
    expect([record.active?.sha256, record.previous?.sha256]).toEqual([sha('2'), sha('1')]);
  });

  it.each(Object.entries(ENDS))('%s ends as it should by a fault, a deadline and a death too many', (name, ends) => {
    const state = name as UpdateState;
    const record = at(state, '2', committed('1'));
    expect(stateOf(record)).toBe(state);
    const failed = after(record, { type: 'failed', in: state, cause, retryable: false });
    expect([stateOf(failed), failed.active?.sha256]).toEqual([ends.failed, sha('1')]);
    expect(failed.refused).toEqual([{ sha256: sha('2'), code: 'GOLDEN_MISMATCH' }]);
    const late = after(record, { type: 'progress', in: state, elapsedMs: 1e12 });
    expect(stateOf(late)).toBe(UPDATE_TABLE[state].deadlineMs(modelOf('2')) === Infinity ? state : ends.failed);
    expect(late.refused).toEqual([]);
    const killed = after(record, ...Array.from({ length: 4 }, (): UpdateEvent => ({ type: 'started' })));
    expect(stateOf(killed)).toBe(ends.killed ?? state);
  });

  it('counts no stop in good order as a death', () => {
    const calm = Array.from({ length: 9 }, (): UpdateEvent[] => [{ type: 'stopping' }, { type: 'started' }]).flat();
    expect(stateOf(after(at('self-test', '2'), ...calm))).toBe('self-test');
  });

  it('may be canceled or superseded until it activates, and by nothing later', () => {
    const canceled = WAY.map((state) => stateOf(after(at(state, '2'), { type: 'withdrawn' })));
    expect(canceled).toEqual([...WAY.slice(0, -2).map(() => 'canceled'), 'activating', 'probation']);
    const superseded = WAY.map((state) => after(at(state, '2'), assigned('3')).update?.assigned.version);
    expect(superseded).toEqual([...WAY.slice(0, -2).map(() => '1.0.3'), '1.0.2', '1.0.2']);
  });

  it.each(Object.entries(HOLDS))(
    'held in %s it waits where it should, whatever happens, and goes on when released',
    (name, hold) => {
      const state = name as UpdateState;
      const before = at(state, '2', committed('1'));
      const told = afterIn(HELD, before, { type: 'hold-changed' });
      const held = afterIn(HELD, told, done(state));
      expect(held.update).toMatchObject({
        state: hold.waits,
        held: true,
        cause: { code: 'UPDATE_HELD', until: 61_000 },
      });
      expect([held.active?.sha256, held.update && workOf(held.update)]).toEqual([sha('1'), 'hold']);
      // Neither deaths of the agent, nor time, nor what comes late of its work end it.
      const { waits } = hold;
      const late: UpdateEvent[] = [
        done(waits),
        { type: 'failed', in: waits, cause, retryable: false },
        { type: 'progress', in: waits, elapsedMs: 1e12 },
      ];
      const killed = afterIn(HELD, held, ...DEATHS, ...late);
      expect(killed.update).toMatchObject({ state: waits, held: true });
      expect(stateOf(afterIn(HELD, killed, { type: 'withdrawn' }))).toBe('canceled');
      expect(afterIn(HELD, killed, assigned('3')).update?.assigned.version).toBe('1.0.3');
      const longer = afterEvent(killed, { type: 'hold-changed' }, { now: 2_000, hold: { ...HOLD, until: 99_000 } });
      expect(longer.update).toMatchObject({ state: waits, held: true, cause: { until: 99_000 } });
      const released = after(longer, { type: 'hold-changed' });
      expect(released.update).toMatchObject({ state: hold.released, held: false });
      expect(released.update?.cause).toBeUndefined();
    },
  );

  it('held in any other state it goes on', () => {
    for (const state of WAY.filter((name) => HOLDS[name] === undefined)) {
      const before = at(state, '2', committed('1'));
      expect([state, afterIn(HELD, before, { type: 'hold-changed' }, done(state))]).toEqual([
        state,
        after(before, done(state)),
      ]);
    }
  });

  it('fails and rolls back while it is held as at any time, and goes back to what ran before', () => {
    for (const [name, ends] of Object.entries(ENDS)) {
      const state = name as UpdateState;
      const failed = afterIn(HELD, at(state, '2', committed('1')), {
        type: 'failed',
        in: state,
        cause,
        retryable: false,
      });
      expect([name, stateOf(failed)]).toEqual([name, ends.failed]);
    }
    const bad = afterIn(HELD, at('probation', '2', committed('1')), {
      type: 'failed',
      in: 'probation',
      cause,
      retryable: false,
    });
    const back = afterIn(HELD, bad, done('rolling-back'));
    expect([stateOf(back), back.active?.sha256]).toEqual(['rolled-back', sha('1')]);
    const second = committed('2', committed('1'));
    const returned = afterIn(HELD, second, assigned('1'), ...WAY.map(done));
    expect([stateOf(returned), returned.active?.sha256]).toEqual(['committed', sha('1')]);
  });

  it('fetches nothing anew while it is held', () => {
    const corrupt = afterIn(HELD, at('verifying', '2'), { type: 'corrupt', cause });
    expect(corrupt.update).toMatchObject({ state: 'wait-window', held: true, corrupted: 1 });
    expect(stateOf(after(corrupt, { type: 'hold-changed' }, done('wait-window')))).toBe('downloading');
  });

  it('keeps what it has waited of its jitter over a hold', () => {
    const waiting = after(
      undefined,
      assigned('2'),
      { type: 'waiting', cause },
      {
        type: 'progress',
        in: 'wait-window',
        elapsedMs: 5_000,
      },
    );
    const held = afterIn(HELD, waiting, { type: 'hold-changed' });
    expect(held.update).toMatchObject({ held: true, elapsedMs: 5_000 });
    expect(after(held, { type: 'hold-changed' }).update).toMatchObject({ held: false, elapsedMs: 5_000 });
  });

  it('takes every event twice as once, runs only what was verified, and never lets a floor fall', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(anyEvent, fc.boolean()), { maxLength: 40 }), (events) => {
        let record: ModelRecord | undefined;
        const verified = new Set<string | undefined>([undefined]);
        for (const [event, isHeld] of events) {
          const before = record;
          const moment = isHeld ? HELD : FREE;
          record = afterEvent(record, event, moment);
          const began = record.update?.state !== before?.update?.state ? record.update : null;
          const isWayBack = began?.assigned.sha256 === before?.previous?.sha256;
          const mustWait = isHeld && !isWayBack && !DISTURBS_NOTHING.includes(began?.state);
          expect(mustWait && began?.held !== true).toBe(false);
          if (record.update?.state === 'probation') verified.add(record.update.assigned.sha256);
          expect(verified.has(record.active?.sha256)).toBe(true);
          expect(record.floor).toBeGreaterThanOrEqual(before?.floor ?? 0);
          expect(record.active?.releaseCounter ?? Infinity).toBeGreaterThanOrEqual(
            record.update?.state === 'probation' ? 0 : record.floor,
          );
          const isOver = before?.update != null && isTerminal(before.update.state);
          expect(isOver && event.type === 'done' ? record : before).toBe(before);
          expect(COUNTING.includes(event.type) ? record : afterEvent(record, event, moment)).toEqual(record);
        }
      }),
    );
  });
});
