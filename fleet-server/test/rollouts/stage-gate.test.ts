/** What a gate lets through, on evidence alone. */
import { describe, expect, it } from '@jest/globals';
import { rolloutGateSchema } from '@shoal/protocol';
import { refill } from '../../src/rollouts/assignment-rate.ts';
import { newDevice, UNOPENED, type Evidence, type RolloutDevice } from '../../src/rollouts/rollout.ts';
import { judgeStage, type GateVerdict, type StageFacts } from '../../src/rollouts/stage-gate.ts';

const device = (index: number, state: RolloutDevice['state'], evidence: Evidence = {}): RolloutDevice => ({
  ...newDevice({ deviceId: `d-${index}`, hardwareClass: 'pi' }, 0),
  state,
  evidence,
});
const of = (count: number, state: RolloutDevice['state'], evidence?: Evidence): RolloutDevice[] =>
  Array.from({ length: count }, (_, index) => device(index, state, evidence));
const judge = (gate: object, devices: readonly RolloutDevice[], facts: Partial<StageFacts> = {}): GateVerdict =>
  judgeStage(rolloutGateSchema.parse(gate), {
    devices,
    progress: UNOPENED,
    isUnwell: () => false,
    control: { devices: 0, unwell: 0 },
    ...facts,
  });
const code = (verdict: GateVerdict): string => (verdict.kind === 'failed' ? verdict.cause.code : verdict.kind);

describe('a gate', () => {
  it('waits for everybody who is online unless it says how many are enough', () => {
    expect(judge({}, [...of(3, 'succeeded'), device(9, 'assigned')])).toMatchObject({ why: '1 more to execute' });
    expect(code(judge({ minExecuted: 3 }, [...of(3, 'succeeded'), device(9, 'assigned')]))).toBe('holds');
    expect(code(judge({}, [...of(3, 'succeeded'), device(9, 'late')]))).toBe('holds');
    expect(code(judge({}, of(3, 'late')))).toBe('waiting');
    expect(code(judge({ minExecuted: 4 }, [...of(3, 'succeeded'), device(9, 'late')]))).toBe('waiting');
  });

  it('counts failures and drift at once, and the share once enough have executed', () => {
    const mixed = [...of(8, 'succeeded'), device(8, 'failed'), device(9, 'drifted')];
    expect(code(judge({ maxFailures: 1 }, [...mixed, device(10, 'assigned')]))).toBe('FAILURES');
    expect(code(judge({ maxFailures: 2, maxFailurePercent: 19 }, mixed))).toBe('FAILURES');
    expect(code(judge({ maxFailures: 2, maxFailurePercent: 20 }, mixed))).toBe('holds');
    expect(code(judge({ maxFailures: 2, maxFailurePercent: 19 }, [...mixed, device(10, 'assigned')]))).toBe('waiting');
  });

  it('forgives what somebody has seen, and not one more', () => {
    const progress = { forgiven: 2, isOverruled: false };
    expect(code(judge({}, [...of(5, 'succeeded'), ...of(2, 'failed')], { progress }))).toBe('holds');
    expect(code(judge({}, [...of(5, 'succeeded'), ...of(3, 'failed')], { progress }))).toBe('FAILURES');
  });

  it('weighs agreement by windows, and passes nothing without evidence', () => {
    const gate = { minAgreementPpm: 900_000 };
    const shown = (windows: number, agreementPpm: number) => of(1, 'succeeded', { windows, agreementPpm });
    expect(code(judge(gate, of(2, 'succeeded')))).toBe('waiting');
    expect(code(judge(gate, [...shown(90, 1_000_000), ...shown(10, 0)]))).toBe('holds');
    expect(code(judge(gate, [...shown(10, 1_000_000), ...shown(90, 0)]))).toBe('AGREEMENT');
    const progress = { forgiven: 0, isOverruled: true };
    expect(code(judge(gate, [...shown(10, 1_000_000), ...shown(90, 0)], { progress }))).toBe('holds');
  });

  it('looks at the latency in the middle, and at control', () => {
    const slow = [...of(2, 'succeeded', { p95Ms: 9 }), ...of(1, 'succeeded', { p95Ms: 2 })];
    expect(code(judge({ maxP95Ms: 8 }, slow))).toBe('LATENCY');
    expect(code(judge({ maxP95Ms: 9 }, slow))).toBe('holds');
    const gate = { maxExcessUnwellPercent: 10 };
    const half = { isUnwell: ({ deviceId }: RolloutDevice) => deviceId < 'd-5' };
    expect(code(judge(gate, of(10, 'succeeded'), half))).toBe('waiting');
    expect(code(judge(gate, of(10, 'succeeded'), { ...half, control: { devices: 10, unwell: 3 } }))).toBe('UNWELL');
    expect(code(judge(gate, of(10, 'succeeded'), { ...half, control: { devices: 10, unwell: 4 } }))).toBe('holds');
  });
});

it('a rate saves up one minute at most, doubles with success up to its bound, and a clock set back gives nothing', () => {
  const rate = { perMinute: 6, doublesEvery: 10, maxPerMinute: 20 };
  expect(refill(rate, null, 0, 0).tokens).toBe(1);
  expect(refill(rate, { tokens: 0, at: 0 }, 0, 30_000).tokens).toBe(3);
  expect(refill(rate, { tokens: 0, at: 0 }, 10, 30_000).tokens).toBe(6);
  expect(refill(rate, { tokens: 0, at: 0 }, 50, 30_000).tokens).toBe(10);
  expect(refill(rate, { tokens: 0, at: 0 }, 0, 3_600_000).tokens).toBe(6);
  expect(refill(rate, { tokens: 2, at: 1_000 }, 0, 0).tokens).toBe(2);
});
