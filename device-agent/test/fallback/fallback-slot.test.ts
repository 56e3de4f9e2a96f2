/** One model with the fleet behind it, over a connection of the test: hedged, laddered, told to ask less, and never held up. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readCatalogBundle, type Bundle, type FeatureVector } from '@shoal/models';
import {
  decodeInferFrame,
  decodeInferRequest,
  encodeInferFrame,
  encodeInferResponse,
  isInferFrame,
  type EscalationPolicy,
} from '@shoal/protocol';
import { RequestAllowance } from '../../src/fallback/budget.ts';
import { CircuitBreaker } from '../../src/fallback/circuit-breaker.ts';
import type { EscalatingSlot } from '../../src/fallback/escalating-slot.port.ts';
import { FallbackSlot } from '../../src/fallback/fallback-slot.ts';
import { HardExamples, hardExamplesSchema } from '../../src/fallback/hard-examples.ts';
import { RemoteInference } from '../../src/fallback/remote-inference.ts';
import type { SlotVerdict } from '../../src/inference/model-slot-runner.port.ts';
import { systemClock } from '../../src/runtime.ts';
import { StateFile } from '../../src/state-file.ts';
import type { FleetConnection } from '../../src/uplink/fleet-link.port.ts';
import type { AssembledWindow } from '../../src/windows/assembled-window.port.ts';

const FEATURES = 11;
const windowAt = (index: number): AssembledWindow => ({
  startAt: index * 10_000,
  endAt: index * 10_000 + 30_000,
  samples: [],
  samplesSeen: 0,
});
const verdictOf = (score: number): SlotVerdict => ({
  outputs: { score },
  label: score > 1 ? 'anomaly' : 'normal',
  threshold: 1,
  exceeded: score > 1,
  engine: 'native-child',
  latencyMs: 1,
});
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

type Run = EscalatingSlot['run'];
/** Score the fleet gives to its n-th question, with its shed hint; undefined: no answer. */
type Fleet = (asked: number) => { readonly score: number; readonly shed?: number } | undefined;

interface Plan {
  readonly run?: Run;
  readonly fleet?: Fleet | 'offline';
  readonly policy?: EscalationPolicy;
  readonly budgetMs?: number;
  readonly recentMaxAgeMs?: number;
}

describe('a model with the fleet behind it', () => {
  let bundle: Bundle;
  beforeAll(async () => {
    bundle = await readCatalogBundle('pump-anomaly', '1.1.0');
  });

  const slotWith = ({ run, fleet = 'offline', policy = {}, budgetMs = 5_000, recentMaxAgeMs = 15_000 }: Plan) => {
    const remote = new RemoteInference(
      'pump-07',
      () => systemClock.monotonic(),
      () => undefined,
    );
    const sent = { questions: 0, cancels: 0 };
    const publish = async (_topic: string, payload: Uint8Array): Promise<void> => {
      if (!isInferFrame(payload)) {
        sent.cancels += 1;
        return;
      }
      const { body, headerLength } = decodeInferFrame(payload);
      const { id = '' } = decodeInferRequest(body, headerLength);
      const answer = fleet === 'offline' ? undefined : fleet(sent.questions++);
      if (answer === undefined) return;
      const data = Float32Array.of(answer.score);
      const response = {
        model_name: 'pump-anomaly-full',
        model_version: '1.0.0',
        id,
        parameters: { shed: answer.shed ?? 0 },
        outputs: [{ name: 'score', datatype: 'FP32' as const, shape: [1], data }],
      };
      const frame = encodeInferFrame(encodeInferResponse(response, () => ({ binary: false, nonFinite: 'refuse' })));
      remote.message({ what: 'reply', deviceId: 'pump-07', requestId: id } as never, frame);
    };
    if (fleet !== 'offline') remote.online({ publish } as unknown as FleetConnection);
    const signals: (AbortSignal | undefined)[] = [];
    const own: Run = run ?? (async () => verdictOf(0));
    const fed: FeatureVector = {
      viewHash: 'v',
      names: Array.from({ length: FEATURES }, (_, i) => `f${i}`),
      values: new Float32Array(FEATURES),
    };
    const slot = {
      bundle,
      model: { name: 'pump-anomaly', version: '1.1.0' },
      desiredFallback: undefined,
      isUncalibrated: () => false,
      attached: async () => undefined,
      prepare: async () => fed,
      run: (vector: FeatureVector, options: Parameters<Run>[1]) => {
        signals.push(options.signal);
        return own(vector, options);
      },
      judge: (outputs: { score?: { data: ArrayLike<number> } }) => verdictOf(outputs.score?.data[0] ?? 0),
      state: () => ({ status: 'ready', engine: 'native-child', reason: null }),
    } as unknown as EscalatingSlot;
    const behind = new FallbackSlot({
      slot,
      sibling: { model: 'pump-anomaly-full', vectors: 2 },
      settings: () => ({ budgetMs, policy }),
      remote,
      breaker: new CircuitBreaker(),
      allowance: new RequestAllowance(60_000, 1_000, systemClock.monotonic()),
      examples: new HardExamples({
        file: new StateFile('/nowhere/hard-examples.json', hardExamplesSchema),
        most: 10,
        writeMs: 1e6,
      }),
      nightly: () => undefined,
      recentMaxAgeMs,
      nightlyMaxAgeMs: 0,
      clock: systemClock,
      random: () => 0,
    });
    return { behind, remote, sent, signals };
  };

  it('asks when its own answer is late, takes the first that comes, and lets the other go', async () => {
    const { behind, signals } = slotWith({ run: () => never(), fleet: () => ({ score: 3 }) });
    const verdict = await behind.infer(windowAt(0), 0);
    expect(verdict).toMatchObject({ source: 'cloud', escalation: 'local-late', label: 'anomaly' });
    expect(signals[0]?.aborted).toBe(true);
  });

  it('takes its own answer when that comes first after all, and withdraws the question', async () => {
    const gate = Promise.withResolvers<SlotVerdict>();
    const fleet: Fleet = () => {
      gate.resolve(verdictOf(0.2));
      return undefined;
    };
    const { behind, sent } = slotWith({ run: () => gate.promise, fleet });
    const verdict = await behind.infer(windowAt(0), 0);
    expect(verdict).toMatchObject({ outputs: { score: 0.2 }, escalation: 'local-late' });
    expect([verdict.source, sent.cancels, behind.report().underWay]).toEqual([undefined, 1, 0]);
  });

  it('goes down the ladder when engine and fleet are gone: a recent answer, marked stale, then none', async () => {
    let isBroken = false;
    const run: Run = async () => {
      if (isBroken) throw new Error('no engine');
      return verdictOf(2);
    };
    const { behind } = slotWith({ run });
    await behind.infer(windowAt(0), 0);
    isBroken = true;
    const recent = await behind.infer(windowAt(1), 0);
    expect(recent).toMatchObject({ source: 'recent', label: 'anomaly', escalation: 'local-failed' });
    expect(recent.degradedReason).toContain('Stale by 10 s');
    const none = await behind.infer(windowAt(2), 0);
    expect(none).toMatchObject({ source: 'abstained', exceeded: false, outputs: {} });
    expect(none.degradedReason).toContain('offline');
    expect(behind.report().answers).toEqual({ edge: 1, recent: 1, abstained: 1 });
  });

  it('asks for nothing while the server wishes not to be asked', async () => {
    const { behind, sent } = slotWith({ fleet: () => ({ score: 3, shed: 1 }), policy: { nearThreshold: 1.5 } });
    expect((await behind.infer(windowAt(0), 0)).source).toBe('cloud');
    expect((await behind.infer(windowAt(1), 0)).source).toBeUndefined();
    expect(sent.questions).toBe(1);
    expect(behind.report().shed).toBeGreaterThan(0.9);
  });

  it('answers a later window while an earlier one still waits for the fleet', async () => {
    const fleet: Fleet = (asked) => (asked === 0 ? undefined : { score: 3 });
    const { behind } = slotWith({ fleet, policy: { auditShare: 1 }, budgetMs: 1_000 });
    const order: string[] = [];
    const first = behind.infer(windowAt(0), 0).then(({ source = 'edge' }) => void order.push(`first ${source}`));
    const second = behind.infer(windowAt(1), 0).then(({ source = 'edge' }) => void order.push(`second ${source}`));
    await Promise.all([first, second]);
    expect(order).toEqual(['second cloud', 'first edge']);
  });

  it('answers a window that waited longer than its budget by itself, and counts it', async () => {
    const { behind, sent } = slotWith({ fleet: () => ({ score: 3 }), policy: { auditShare: 1 } });
    const verdict = await behind.infer(windowAt(0), 60_000);
    expect(verdict.source).toBeUndefined();
    expect(verdict.degradedReason).toContain('waited longer than its budget');
    expect(sent.questions).toBe(0);
    expect(behind.report().overBudget).toBe(1);
  });

  it('answers by itself what has less time left than its own answer may take', async () => {
    const { behind, sent } = slotWith({ fleet: () => ({ score: 3 }), policy: { auditShare: 1 }, budgetMs: 1_000 });
    const verdict = await behind.infer(windowAt(0), 899);
    expect(verdict.source).toBeUndefined();
    expect(verdict.degradedReason).toContain('waited longer than its budget');
    expect(sent.questions).toBe(0);
  });
});
