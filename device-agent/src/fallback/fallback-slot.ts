/** One model with the fleet behind it: answers each window within its budget, here or there, the first good answer first. */
import { isModelError, VectorHistory, vectorHash, windowedManifest, type FeatureVector } from '@shoal/models';
import {
  tensorsByName,
  type EscalationPolicy,
  type InferResponse,
  type ModelReference,
  type PredictionSource,
} from '@shoal/protocol';
import { sentenceOf } from '../errors.ts';
import type { ModelSlotRunner, SlotState, SlotVerdict } from '../inference/model-slot-runner.port.ts';
import type { Clock, Random } from '../runtime.ts';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';
import { remoteDeadlineMs, type RequestAllowance } from './budget.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { EscalatingSlot } from './escalating-slot.port.ts';
import { escalationReason, uncertainty, underShed } from './escalation-policy.ts';
import { evidenceOf, outsideShare, rangesOf, type Ranges } from './evidence.ts';
import type { FallbackReport } from './fallback-report.ts';
import { FallbackTally } from './fallback-tally.ts';
import type { HardExamples } from './hard-examples.ts';
import { hedgeAfterMs } from './hedge.ts';
import { descend, type KeptAnswer } from './ladder.ts';
import { firstOf, within } from './race.ts';
import { RecentLatency } from './recent-latency.ts';
import type { Asked, RemoteInference } from './remote-inference.ts';

export interface FallbackSettings {
  readonly budgetMs: number;
  readonly policy: EscalationPolicy;
}

export interface FallbackSlotOptions {
  readonly slot: EscalatingSlot;
  /** In force now. */
  readonly settings: () => FallbackSettings;
  readonly sibling: { readonly model: string; readonly vectors: number };
  readonly remote: RemoteInference;
  readonly breaker: CircuitBreaker;
  readonly allowance: RequestAllowance;
  readonly examples: HardExamples;
  readonly nightly: () => KeptAnswer | undefined;
  readonly recentMaxAgeMs: number;
  readonly nightlyMaxAgeMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** One window on its way. */
interface Turn {
  readonly window: AssembledWindow;
  readonly startedAt: number;
  readonly settings: FallbackSettings;
  readonly row: Float32Array;
  local: SlotVerdict | undefined;
  /** Why what was tried gave nothing. */
  readonly whys: string[];
}

interface Own {
  readonly verdict?: SlotVerdict;
  readonly why?: string;
}

/** Faults of the window itself: no engine and no fleet answers it. */
const isOfTheWindow = (error: unknown): boolean => isModelError(error) && /^(WINDOW|FEATURE)_/.test(error.code);
/** Windows of a device are one history while they overlap or follow each other. */
const HOPS_APART = 3;

export class FallbackSlot implements ModelSlotRunner {
  readonly #options: FallbackSlotOptions;
  readonly #history: VectorHistory;
  readonly #localLatency = new RecentLatency();
  readonly #tally = new FallbackTally();
  #ranges: Ranges | undefined;
  #recent: { readonly verdict: SlotVerdict; readonly endAt: number } | undefined;

  constructor(options: FallbackSlotOptions) {
    const { hopMs } = windowedManifest(options.slot.bundle.manifest).window;
    this.#options = options;
    this.#history = new VectorHistory(options.sibling.vectors, HOPS_APART * hopMs);
  }

  get model(): ModelReference {
    return this.#options.slot.model;
  }

  state(): SlotState {
    return this.#options.slot.state();
  }

  report(): FallbackReport {
    const { breaker, remote, examples, clock, sibling } = this.#options;
    return {
      asks: sibling.model,
      breaker: breaker.report(),
      shed: remote.shed.value(clock.monotonic()),
      underWay: remote.underWay(),
      remoteP95Ms: remote.latency.quantile(0.95),
      hardExamples: examples.counters(),
      ...this.#tally.counters(),
    };
  }

  /** Throws ModelError for a window that cannot be answered by anybody. */
  async infer(window: AssembledWindow): Promise<SlotVerdict> {
    const { slot, clock, settings } = this.#options;
    await slot.attached();
    const startedAt = clock.monotonic();
    const inForce = settings();
    const verdict = await this.#answer(window, startedAt, inForce);
    const source: PredictionSource = verdict.source ?? 'edge';
    this.#tally.answered(source, clock.monotonic() - startedAt, inForce.budgetMs);
    if (source === 'edge' || source === 'cloud') this.#recent = { verdict, endAt: window.endAt };
    return verdict;
  }

  async #answer(window: AssembledWindow, startedAt: number, settings: FallbackSettings): Promise<SlotVerdict> {
    const { slot } = this.#options;
    const base = { window, startedAt, settings, local: undefined };
    let fed: FeatureVector | undefined;
    try {
      fed = await within(slot.prepare(window), settings.budgetMs);
    } catch (error) {
      if (isOfTheWindow(error)) throw error;
      return this.#descend({ ...base, row: new Float32Array(0), whys: [sentenceOf(error)] });
    }
    if (fed === undefined) return this.#descend({ ...base, row: new Float32Array(0), whys: ['The engine is late.'] });
    if (slot.isUncalibrated()) this.#history.clear();
    this.#history.add({ startAt: window.startAt, values: fed.values });
    return this.#decide({ ...base, row: this.#history.row(), whys: [] }, fed);
  }

  async #decide(turn: Turn, fed: FeatureVector): Promise<SlotVerdict> {
    const { random, clock, remote, slot } = this.#options;
    const cancel = new AbortController();
    const own = this.#own(fed, turn, cancel.signal);
    const pace = {
      budgetMs: turn.settings.budgetMs,
      localP95Ms: this.#localLatency.quantile(0.95),
      remoteP95Ms: remote.latency.quantile(0.95),
    };
    const first = await within(own, hedgeAfterMs(pace) - this.#elapsedMs(turn));
    if (first?.verdict === undefined) {
      if (first?.why !== undefined) turn.whys.push(first.why);
      return this.#race(turn, first === undefined ? 'local-late' : 'local-failed', { own, cancel });
    }
    turn.local = first.verdict;
    const evidence = evidenceOf(slot.bundle, first.verdict, this.#outside(turn.settings.policy, fed));
    const policy = underShed(turn.settings.policy, remote.shed.value(clock.monotonic()));
    const reason = slot.isUncalibrated() ? undefined : escalationReason(policy, evidence, random());
    if (reason === undefined) return first.verdict;
    const answer = await this.#ask(turn, reason)?.answer;
    return { ...(answer ?? this.#descend(turn)), escalation: reason };
  }

  /** The own answer is late or will not come: whoever is first. */
  async #race(turn: Turn, reason: string, { own, cancel }: Running): Promise<SlotVerdict> {
    const asked = this.#ask(turn, reason);
    const local = own.then(({ verdict }) => verdict);
    const answers = asked === undefined ? [local] : [local, asked.answer];
    const first = await within(firstOf(answers), turn.settings.budgetMs - this.#elapsedMs(turn));
    if (first === undefined) cancel.abort();
    else if (first.source === 'cloud') cancel.abort();
    else asked?.cancel();
    return { ...(first ?? this.#descend(turn)), escalation: reason };
  }

  /** Never rejects. */
  async #own(fed: FeatureVector, turn: Turn, signal: AbortSignal): Promise<Own> {
    const { slot, clock } = this.#options;
    const startedAt = clock.monotonic();
    try {
      const deadlineMs = Math.max(1, turn.settings.budgetMs - this.#elapsedMs(turn));
      const verdict = await slot.run(fed, { deadlineMs, signal });
      this.#localLatency.add(clock.monotonic() - startedAt);
      return { verdict };
    } catch (error) {
      return { why: sentenceOf(error) };
    }
  }

  /** Undefined when the fleet is not asked; `turn.whys` then says why. */
  #ask(turn: Turn, reason: string): Question | undefined {
    const { slot, sibling, remote, breaker, allowance, clock } = this.#options;
    const elapsedMs = this.#elapsedMs(turn);
    const { budgetMs } = turn.settings;
    // Of a round trip the way back is half at most, and no estimate takes more than a quarter of the budget.
    const returnMs = Math.min((remote.latency.quantile(0.5) ?? 0) / 2, budgetMs / 4);
    const deadlineMs = remoteDeadlineMs({ budgetMs, elapsedMs, returnMs });
    const now = clock.monotonic();
    const obstacle =
      (slot.isUncalibrated() ? 'the device does not know its normal yet' : undefined) ??
      (deadlineMs === undefined ? 'too little time is left' : undefined) ??
      remote.obstacle() ??
      (breaker.admit(now) ? undefined : 'the breaker is open');
    if (obstacle !== undefined || deadlineMs === undefined) return this.#notAsked(turn, reason, obstacle ?? '');
    if (!allowance.take(now)) {
      breaker.withdraw();
      return this.#notAsked(turn, reason, 'the allowance is used up');
    }
    this.#tally.asked(reason);
    const { manifest } = slot.bundle;
    const asked = remote.ask({
      model: sibling.model,
      inputName: manifest.signature.inputs[0]?.name ?? '',
      features: turn.row,
      vectorHash: vectorHash(manifest),
      deadlineMs,
      waitMs: budgetMs - elapsedMs,
      onLate: (response) => this.#late(turn, response),
    });
    return { answer: this.#heard(turn, asked), cancel: () => this.#withdraw(asked) };
  }

  #notAsked(turn: Turn, reason: string, why: string): undefined {
    this.#tally.notAsked(why);
    turn.whys.push(`The fleet was wanted (${reason}) and not asked: ${why}.`);
    return undefined;
  }

  #withdraw(asked: Asked): void {
    asked.cancel();
    this.#options.breaker.withdraw();
  }

  /** Never rejects. */
  async #heard(turn: Turn, asked: Asked): Promise<SlotVerdict | undefined> {
    const { breaker, clock } = this.#options;
    const outcome = await asked.outcome;
    const { latencyMs } = outcome;
    const isFault = outcome.kind === 'none' && outcome.isFault;
    breaker.note({ isGood: !isFault, latencyMs }, turn.settings.budgetMs, clock.monotonic());
    if (outcome.kind === 'none') {
      this.#tally.failed(outcome.why);
      turn.whys.push(`The fleet was asked in vain: ${outcome.why}.`);
      return undefined;
    }
    const verdict = this.#judged(turn, outcome.response, latencyMs);
    if (verdict !== undefined && turn.local !== undefined && turn.local.label !== verdict.label)
      this.#keep(turn, outcome.response, 'disagreement', verdict);
    return verdict;
  }

  #judged({ whys }: Turn, response: InferResponse, latencyMs: number): SlotVerdict | undefined {
    const { slot } = this.#options;
    try {
      const judged = slot.judge(tensorsByName(response.outputs));
      const { model_name: name, model_version: version = 'unknown' } = response;
      return { ...judged, source: 'cloud', answeredBy: { name, version }, engine: null, latencyMs };
    } catch (error) {
      whys.push(sentenceOf(error));
      return undefined;
    }
  }

  #late(turn: Turn, response: InferResponse): void {
    this.#tally.late();
    const verdict = this.#judged(turn, response, 0);
    if (verdict !== undefined) this.#keep(turn, response, 'late', verdict);
  }

  #keep(turn: Turn, { model_name: name }: InferResponse, kind: 'late' | 'disagreement', remote: SlotVerdict): void {
    const { slot, examples } = this.#options;
    const { local } = turn;
    const answer = ({ label, outputs }: SlotVerdict) => ({
      outputs: { ...outputs },
      ...(label !== undefined && { label }),
    });
    examples.add({
      at: turn.window.endAt,
      kind: kind === 'late' && local !== undefined && local.label !== remote.label ? 'disagreement' : kind,
      model: slot.model.name,
      vectorHash: vectorHash(slot.bundle.manifest) ?? null,
      features: [...turn.row],
      local: local === undefined ? null : answer(local),
      remote: answer(remote),
      remoteModel: name,
      uncertainty: local === undefined ? 1 : uncertainty(evidenceOf(slot.bundle, local, undefined)),
    });
  }

  #descend(turn: Turn): SlotVerdict {
    const { recentMaxAgeMs, nightlyMaxAgeMs, nightly } = this.#options;
    const recent = this.#recent && { verdict: this.#recent.verdict, ageMs: turn.window.endAt - this.#recent.endAt };
    const elapsedMs = this.#elapsedMs(turn);
    const why = turn.whys.join(' ');
    return descend({ local: turn.local, recent, recentMaxAgeMs, nightly: nightly(), nightlyMaxAgeMs, why, elapsedMs });
  }

  #outside({ maxOutside }: EscalationPolicy, fed: FeatureVector): number | undefined {
    if (maxOutside == null) return undefined;
    this.#ranges ??= rangesOf(this.#options.slot.bundle);
    return this.#ranges && outsideShare(this.#ranges, fed);
  }

  #elapsedMs({ startedAt }: Turn): number {
    return this.#options.clock.monotonic() - startedAt;
  }
}

interface Running {
  readonly own: Promise<Own>;
  readonly cancel: AbortController;
}

interface Question {
  readonly answer: Promise<SlotVerdict | undefined>;
  readonly cancel: () => void;
}
