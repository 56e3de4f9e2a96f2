/** The questions of one model to the fleet: whether one may be asked, what came of it, and what is kept of answers that differ. */
import { vectorHash } from '@shoal/models';
import { tensorsByName, type InferResponse } from '@shoal/protocol/wire';
import { sentenceOf } from '../errors.ts';
import type { SlotVerdict } from '../inference/model-slot-runner.port.ts';
import type { Clock } from '../runtime.ts';
import { remoteDeadlineMs, type RequestAllowance } from './budget.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { EscalatingSlot } from './escalating-slot.port.ts';
import { uncertainty } from './escalation-policy.ts';
import { evidenceOf } from './evidence.ts';
import type { FallbackTally } from './fallback-tally.ts';
import type { HardExamples } from './hard-examples.ts';
import type { Asked, RemoteInference } from './remote-inference.ts';
import { leftMs, waitedForMs, type Turn } from './turn.ts';

export interface FleetQuestionsOptions {
  readonly slot: EscalatingSlot;
  readonly sibling: { readonly model: string; readonly vectors: number };
  readonly remote: RemoteInference;
  readonly breaker: CircuitBreaker;
  readonly allowance: RequestAllowance;
  readonly examples: HardExamples;
  readonly clock: Clock;
}

export interface Question {
  /** Never rejects; undefined when nothing usable came. */
  readonly answer: Promise<SlotVerdict | undefined>;
  readonly cancel: () => void;
}

export class FleetQuestions {
  readonly #options: FleetQuestionsOptions;
  readonly #tally: FallbackTally;

  constructor(options: FleetQuestionsOptions, tally: FallbackTally) {
    this.#options = options;
    this.#tally = tally;
  }

  /** Undefined when the fleet is not asked; `turn.whys` then says why. */
  ask(turn: Turn, reason: string): Question | undefined {
    const { slot, sibling, remote, breaker, allowance, clock } = this.#options;
    const now = clock.monotonic();
    const { budgetMs } = turn.settings;
    // Of a round trip the way back is half at most, and no estimate takes more than a quarter of the budget.
    const returnMs = Math.min((remote.latency.quantile(0.5) ?? 0) / 2, budgetMs / 4);
    const elapsedMs = now - turn.startedAt;
    const deadlineMs = remoteDeadlineMs({ budgetMs: waitedForMs(budgetMs), elapsedMs, returnMs });
    const obstacle =
      (slot.isUncalibrated() ? 'the device does not know its normal yet' : undefined) ??
      (turn.isOverdue ? 'the window waited longer than its budget' : undefined) ??
      (deadlineMs === undefined ? 'too little time is left' : undefined) ??
      remote.obstacle() ??
      (breaker.admit(now) ? undefined : 'the breaker is open');
    if (obstacle !== undefined || deadlineMs === undefined) return this.#notAsked(turn, reason, obstacle ?? '');
    const period = breaker.period;
    if (!allowance.take(now)) {
      breaker.withdraw(period);
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
      waitMs: leftMs(turn, now),
      onLate: (response) => this.#late(turn, response),
    });
    const cancel = (): void => {
      asked.cancel();
      breaker.withdraw(period);
    };
    return { answer: this.#heard(turn, asked, period), cancel };
  }

  #notAsked(turn: Turn, reason: string, why: string): undefined {
    this.#tally.notAsked(why);
    turn.whys.push(`The fleet was wanted (${reason}) and not asked: ${why}.`);
    return undefined;
  }

  async #heard(turn: Turn, asked: Asked, period: number): Promise<SlotVerdict | undefined> {
    const { breaker, clock } = this.#options;
    const outcome = await asked.outcome;
    const { latencyMs } = outcome;
    const isFault = outcome.kind === 'none' && outcome.isFault;
    breaker.note({ isGood: !isFault, latencyMs }, turn.settings.budgetMs, clock.monotonic(), period);
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
}
