import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { UPDATE_STATES, type AssignedModel, type UpdateState } from '@shoal/protocol';
import { afterEvent, isTerminal, UPDATE_TABLE, type UpdateEvent } from '../../src/ota/update-plan.ts';
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

const after = (record: ModelRecord | undefined, ...events: readonly UpdateEvent[]): ModelRecord =>
  events.reduce<ModelRecord>(
    (before, event) => afterEvent(before, event, 1_000),
    afterEvent(record, { type: 'confirmed' }, 0),
  );
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

/** Events that count how often they come. */
const COUNTING: readonly string[] = ['started', 'failed', 'corrupt', 'done'];

const anyState = fc.constantFrom(...UPDATE_STATES);
const anyEvent: fc.Arbitrary<UpdateEvent> = fc.oneof(
  fc.constantFrom('1', '2', '3').map(assigned),
  fc.constantFrom<UpdateEvent>({ type: 'withdrawn' }, { type: 'started' }, { type: 'stopping' }, { type: 'confirmed' }),
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

  it('takes every event twice as once, runs only what was verified, and never lets a floor fall', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        let record: ModelRecord | undefined;
        const verified = new Set<string | undefined>([undefined]);
        for (const event of events) {
          const before = record;
          record = afterEvent(record, event, 1_000);
          if (record.update?.state === 'probation') verified.add(record.update.assigned.sha256);
          expect(verified.has(record.active?.sha256)).toBe(true);
          expect(record.floor).toBeGreaterThanOrEqual(before?.floor ?? 0);
          expect(record.active?.releaseCounter ?? Infinity).toBeGreaterThanOrEqual(
            record.update?.state === 'probation' ? 0 : record.floor,
          );
          const isOver = before?.update != null && isTerminal(before.update.state);
          expect(isOver && event.type === 'done' ? record : before).toBe(before);
          expect(COUNTING.includes(event.type) ? record : afterEvent(record, event, 1_000)).toEqual(record);
        }
      }),
    );
  });
});
