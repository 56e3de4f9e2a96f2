/** One model with the fleet behind it: answers each window within its budget, here or there, the first good answer first. */
import { isModelError, VectorHistory, windowedManifest, type FeatureVector } from '@shoal/models';
import type { EscalationPolicy, ModelReference, PredictionSource } from '@shoal/protocol/wire';
import { sentenceOf } from '../errors.ts';
import type { ModelSlotRunner, SlotState, SlotVerdict } from '../inference/model-slot-runner.port.ts';
import type { Random } from '../runtime.ts';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';
import { escalationReason, underShed } from './escalation-policy.ts';
import { evidenceOf, outsideShare, rangesOf, type Ranges } from './evidence.ts';
import type { FallbackReport } from './fallback-report.ts';
import { FallbackTally } from './fallback-tally.ts';
import { FleetQuestions, type FleetQuestionsOptions } from './fleet-questions.ts';
import { hedgeAfterMs } from './hedge.ts';
import { descend, type KeptAnswer } from './ladder.ts';
import { firstOf, within } from './race.ts';
import { RecentLatency } from './recent-latency.ts';
import { isOverdue, leftMs, type BegunTurn, type FallbackSettings, type Turn } from './turn.ts';

export interface FallbackSlotOptions extends FleetQuestionsOptions {
  /** In force now. */
  readonly settings: () => FallbackSettings;
  readonly nightly: () => KeptAnswer | undefined;
  readonly recentMaxAgeMs: number;
  readonly nightlyMaxAgeMs: number;
  readonly random: Random;
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
  readonly #questions: FleetQuestions;
  #ranges: Ranges | undefined;
  #wasAttached = false;
  /** Settles when the window before has had the engine. */
  #before: Promise<void> = Promise.resolve();
  #recent: { readonly verdict: SlotVerdict; readonly endAt: number } | undefined;

  constructor(options: FallbackSlotOptions) {
    const { hopMs } = windowedManifest(options.slot.bundle.manifest).window;
    this.#options = options;
    this.#questions = new FleetQuestions(options, this.#tally);
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
  async infer(window: AssembledWindow, waitedMs: number): Promise<SlotVerdict> {
    const { clock, settings } = this.#options;
    const calledAt = clock.monotonic();
    const before = this.#before;
    const { promise, resolve: leave } = Promise.withResolvers<void>();
    this.#before = promise;
    try {
      // An engine that is loaded for the first time is no late answer.
      const takenAt = calledAt - waitedMs + (await this.#loading());
      await before;
      const inForce = settings();
      const now = clock.monotonic();
      const isLate = isOverdue(now - takenAt, inForce.budgetMs);
      const startedAt = isLate ? now : takenAt;
      const verdict = await this.#answer({ window, startedAt, isOverdue: isLate, settings: inForce, leave });
      const source: PredictionSource = verdict.source ?? 'edge';
      this.#tally.answered(source, clock.monotonic() - takenAt, inForce.budgetMs);
      if (source === 'edge' || source === 'cloud') this.#remember(verdict, window.endAt);
      return verdict;
    } finally {
      leave();
    }
  }

  /** @returns milliseconds it took */
  async #loading(): Promise<number> {
    if (this.#wasAttached) return 0;
    const { clock, slot } = this.#options;
    const since = clock.monotonic();
    await slot.attached();
    this.#wasAttached = true;
    return clock.monotonic() - since;
  }

  /** A later window may have been answered before. */
  #remember(verdict: SlotVerdict, endAt: number): void {
    if (endAt >= (this.#recent?.endAt ?? -Infinity)) this.#recent = { verdict, endAt };
  }

  async #answer(begun: BegunTurn): Promise<SlotVerdict> {
    const { slot } = this.#options;
    const { window } = begun;
    const base = { ...begun, local: undefined };
    let fed: FeatureVector | undefined;
    try {
      fed = await within(slot.prepare(window), this.#leftMs(begun));
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
      budgetMs: this.#leftMs(turn),
      localP95Ms: this.#localLatency.quantile(0.95),
      remoteP95Ms: remote.latency.quantile(0.95),
    };
    const first = await within(own, hedgeAfterMs(pace));
    turn.leave();
    if (first?.verdict === undefined) {
      if (first?.why !== undefined) turn.whys.push(first.why);
      return this.#race(turn, first === undefined ? 'local-late' : 'local-failed', { own, cancel });
    }
    turn.local = first.verdict;
    const evidence = evidenceOf(slot.bundle, first.verdict, this.#outside(turn.settings.policy, fed));
    const policy = underShed(turn.settings.policy, remote.shed.value(clock.monotonic()));
    const reason = slot.isUncalibrated() ? undefined : escalationReason(policy, evidence, random());
    if (reason === undefined) return first.verdict;
    const answer = await this.#questions.ask(turn, reason)?.answer;
    return { ...(answer ?? this.#descend(turn)), escalation: reason };
  }

  /** The own answer is late or will not come: whoever is first. */
  async #race(turn: Turn, reason: string, { own, cancel }: Running): Promise<SlotVerdict> {
    const asked = this.#questions.ask(turn, reason);
    const local = own.then(({ verdict }) => verdict);
    const answers = asked === undefined ? [local] : [local, asked.answer];
    const first = await within(firstOf(answers), this.#leftMs(turn));
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
      const deadlineMs = Math.max(1, this.#leftMs(turn));
      const verdict = await slot.run(fed, { deadlineMs, signal });
      this.#localLatency.add(clock.monotonic() - startedAt);
      return { verdict };
    } catch (error) {
      return { why: sentenceOf(error) };
    }
  }

  #descend(turn: Turn): SlotVerdict {
    const { recentMaxAgeMs, nightlyMaxAgeMs, nightly } = this.#options;
    const recent = this.#recent && { verdict: this.#recent.verdict, ageMs: turn.window.endAt - this.#recent.endAt };
    const elapsedMs = this.#options.clock.monotonic() - turn.startedAt;
    const why = turn.whys.join(' ');
    return descend({ local: turn.local, recent, recentMaxAgeMs, nightly: nightly(), nightlyMaxAgeMs, why, elapsedMs });
  }

  #outside({ maxOutside }: EscalationPolicy, fed: FeatureVector): number | undefined {
    if (maxOutside == null) return undefined;
    this.#ranges ??= rangesOf(this.#options.slot.bundle);
    return this.#ranges && outsideShare(this.#ranges, fed);
  }

  #leftMs(turn: BegunTurn): number {
    return leftMs(turn, this.#options.clock.monotonic());
  }
}

interface Running {
  readonly own: Promise<Own>;
  readonly cancel: AbortController;
}
