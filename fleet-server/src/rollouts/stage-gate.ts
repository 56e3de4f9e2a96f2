/** Whether a stage may be left: judged on devices that executed, on what their models have shown, and against control. */
import type { RolloutCause, RolloutGate } from '@shoal/protocol';
import type { RolloutDevice, StageProgress } from './rollout.ts';

export interface StageFacts {
  readonly progress: Pick<StageProgress, 'forgiven' | 'isOverruled'>;
  /** Devices of the stage. */
  readonly devices: readonly RolloutDevice[];
  readonly isUnwell: (device: RolloutDevice) => boolean;
  readonly control: { readonly devices: number; readonly unwell: number };
}

export type GateVerdict =
  | { readonly kind: 'failed'; readonly cause: RolloutCause }
  /** `why` for people. */
  | { readonly kind: 'waiting'; readonly why: string }
  /** Everything holds; it has to for the soak time. */
  | { readonly kind: 'holds' };

const EXECUTED = new Set<RolloutDevice['state']>(['succeeded', 'failed', 'drifted']);
const OPEN = new Set<RolloutDevice['state']>(['pending', 'assigned']);
/** Neither for nor against. */
const ASIDE: readonly (readonly [RolloutDevice['state'], string])[] = [
  ['late', 'offline'],
  ['held', 'held on the device'],
];
const MILLION = 1_000_000;

const failed = (code: string, message: string): GateVerdict => ({ kind: 'failed', cause: { code, message } });
const waiting = (why: string): GateVerdict => ({ kind: 'waiting', why });

const middle = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
};

/** The most frequent reason, so that a gate that fails by numbers still says what was wrong. */
const commonest = (devices: readonly RolloutDevice[]): string => {
  const counts = new Map<string, number>();
  for (const { cause } of devices) if (cause) counts.set(cause.code, (counts.get(cause.code) ?? 0) + 1);
  const [worst] = [...counts].toSorted((a, b) => b[1] - a[1]);
  return worst === undefined ? '' : `, mostly ${worst[0]}`;
};

/** Alone the failures, which stop a rollout at once, also those of stages that are through. */
export const judgeFailures = (
  gate: RolloutGate,
  { devices, progress }: Pick<StageFacts, 'devices' | 'progress'>,
): GateVerdict | undefined => {
  const bad = devices.filter(({ state }) => state === 'failed' || state === 'drifted');
  if (bad.length - progress.forgiven <= gate.maxFailures) return undefined;
  const last = bad.toSorted((a, b) => (a.executedAt ?? 0) - (b.executedAt ?? 0)).at(-1);
  const who = bad.length === 1 ? `Device ${last?.deviceId} failed` : `${bad.length} devices failed`;
  const message = `${who}${commonest(bad)}; ${gate.maxFailures} may. ${last?.cause?.message ?? ''}`;
  return failed(bad.length === 1 ? (last?.cause?.code ?? 'FAILURES') : 'FAILURES', message.slice(0, 512));
};

const judgePercent = (gate: RolloutGate, executed: readonly RolloutDevice[]): GateVerdict | undefined => {
  const { maxFailurePercent } = gate;
  if (maxFailurePercent === undefined || executed.length === 0) return undefined;
  const bad = executed.filter(({ state }) => state !== 'succeeded');
  const percent = (100 * bad.length) / executed.length;
  if (percent <= maxFailurePercent) return undefined;
  return failed(
    'FAILURES',
    `${percent.toFixed(1)} % of ${executed.length} executed failed${commonest(bad)}; ${maxFailurePercent} % may.`,
  );
};

/** Every gate that is asked for needs evidence: without any there is nothing to pass by. */
const judgeModel = (gate: RolloutGate, executed: readonly RolloutDevice[]): GateVerdict | undefined => {
  if (gate.minAgreementPpm !== undefined) {
    const shown = executed.filter(({ evidence }) => (evidence.windows ?? 0) > 0);
    const windows = shown.reduce((sum, { evidence }) => sum + (evidence.windows ?? 0), 0);
    if (windows === 0) return waiting('no device has reported a shadow yet');
    const agreed = shown.reduce(
      (sum, { evidence }) => sum + ((evidence.agreementPpm ?? 0) / MILLION) * (evidence.windows ?? 0),
      0,
    );
    const ppm = Math.round((agreed / windows) * MILLION);
    if (ppm < gate.minAgreementPpm) {
      return failed(
        'AGREEMENT',
        `${ppm} of a million shadow windows agree with the model in force; ${gate.minAgreementPpm} must.`,
      );
    }
  }
  if (gate.maxP95Ms !== undefined) {
    const p95 = executed.flatMap(({ evidence }) => (evidence.p95Ms === undefined ? [] : [evidence.p95Ms]));
    if (p95.length === 0) return waiting('no device has reported a latency yet');
    if (middle(p95) > gate.maxP95Ms) {
      return failed(
        'LATENCY',
        `p95 of the self-test is ${middle(p95).toFixed(1)} ms in the middle of ${p95.length} devices; ${gate.maxP95Ms} ms may be.`,
      );
    }
  }
  return undefined;
};

const judgeControl = (
  gate: RolloutGate,
  executed: readonly RolloutDevice[],
  facts: StageFacts,
): GateVerdict | undefined => {
  const { maxExcessUnwellPercent } = gate;
  const updated = executed.filter(({ state }) => state === 'succeeded');
  if (maxExcessUnwellPercent === undefined || updated.length === 0) return undefined;
  const { control } = facts;
  if (control.devices === 0) return waiting('there is no control to compare with');
  const share = (100 * updated.filter(facts.isUnwell).length) / updated.length;
  const usual = (100 * control.unwell) / control.devices;
  if (share - usual <= maxExcessUnwellPercent) return undefined;
  return failed(
    'UNWELL',
    `${share.toFixed(1)} % of updated devices are unwell, ${usual.toFixed(1)} % in control; ${maxExcessUnwellPercent} points more may be.`,
  );
};

/** Nothing passes on nothing: at least one device has to have executed. */
export const judgeStage = (gate: RolloutGate, facts: StageFacts): GateVerdict => {
  const { devices, progress } = facts;
  const failure = judgeFailures(gate, facts);
  if (failure) return failure;
  const executed = devices.filter(({ state }) => EXECUTED.has(state));
  const open = devices.filter(({ state }) => OPEN.has(state)).length;
  const wanted = gate.minExecuted ?? executed.length + open;
  const isEnough = executed.length > 0 && executed.length >= wanted;
  if (!isEnough) {
    const missing = Math.max(1, wanted - executed.length);
    const others = ASIDE.flatMap(([aside, why]) => {
      const count = devices.filter(({ state }) => state === aside).length;
      return count > 0 ? [`; ${count} are ${why}`] : [];
    });
    return waiting(`${missing} more to execute${others.join('')}`);
  }
  if (progress.isOverruled) return { kind: 'holds' };
  return (
    judgePercent(gate, executed) ??
    judgeModel(gate, executed) ??
    judgeControl(gate, executed, facts) ?? { kind: 'holds' }
  );
};
