/** Takes windows of one model in order, bounded, and turns each into a prediction, in the same order. */
import { isModelError, QuantileSketch } from '@shoal/models';
import { sentenceOf } from '../errors.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { Outbox } from '../outbox/outbox.port.ts';
import type { Logger } from '../runtime.ts';
import type { AssembledWindow } from '../windows/assembled-window.port.ts';
import type { ModelSlotRunner, SlotVerdict } from './model-slot-runner.port.ts';

export interface InferenceLoopOptions {
  readonly slot: ModelSlotRunner;
  readonly outbox: Outbox;
  readonly events: EventRecorder;
  readonly logger: Logger;
  /** Windows that may wait; with more, the oldest is given up and counted. */
  readonly maxQueued: number;
  /** Who builds on predictions; the next window waits until it resolves. Must not throw. */
  readonly onPrediction?: (window: AssembledWindow, verdict: SlotVerdict) => Promise<void>;
}

export interface InferenceCounters {
  readonly predictions: number;
  readonly alarms: number;
  /** Windows the model could not answer, by error code. */
  readonly failed: Readonly<Record<string, number>>;
  /** Windows given up because inference could not keep up. */
  readonly dropped: number;
  readonly queued: number;
  /** Milliseconds from an assembled window, its turn come, to its recorded prediction; null before the first. */
  readonly pipelineMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
}

interface Waiting {
  readonly window: AssembledWindow;
  readonly offeredAt: number;
}

interface Begun {
  /** It answers for what it began, also when another took its place since. */
  readonly slot: ModelSlotRunner;
  readonly window: AssembledWindow;
  readonly startedAt: number;
  readonly answer: Promise<SlotVerdict>;
}

export class InferenceLoop {
  readonly #options: InferenceLoopOptions;
  #slot: ModelSlotRunner;
  readonly #queue: Waiting[] = [];
  readonly #failed = new Map<string, number>();
  readonly #pipelineMs = new QuantileSketch();
  #room: (() => void)[] = [];
  #underWay = 0;
  /** Settled when every window that was begun is recorded. */
  #recorded: Promise<void> = Promise.resolve();
  #predictions = 0;
  #alarms = 0;
  #dropped = 0;
  #droppedInARow = 0;
  #exceeded = false;

  constructor(options: InferenceLoopOptions) {
    this.#options = options;
    this.#slot = options.slot;
  }

  /** Windows that wait and that come go to `slot` from now on. Resolves when those under way are answered by the one before. */
  async replaceSlot(slot: ModelSlotRunner): Promise<void> {
    const begun = this.#recorded;
    this.#slot = slot;
    await begun;
  }

  /** Takes the window at once; the oldest waiting one goes when there is no room. */
  offer(window: AssembledWindow): void {
    if (this.#slot.state().status === 'disabled') return;
    this.#queue.push({ window, offeredAt: performance.now() });
    this.#begin();
    while (this.#queue.length > this.#options.maxQueued) this.#giveUpOldest();
  }

  /** Resolves when another window can be offered without giving one up: for sources that can wait. */
  async ready(): Promise<void> {
    while (this.#queue.length >= this.#options.maxQueued) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
  }

  /** Resolves when every window offered so far is answered or given up. */
  async settled(): Promise<void> {
    while (this.#underWay > 0) await this.#recorded;
  }

  /** Gives up what waits, and lets go who waits for room; the window being answered is still answered. */
  clear(): void {
    this.#queue.length = 0;
    this.#makeRoom();
  }

  counters(): InferenceCounters {
    return {
      predictions: this.#predictions,
      alarms: this.#alarms,
      failed: Object.fromEntries(this.#failed),
      dropped: this.#dropped,
      queued: this.#queue.length,
      pipelineMs: quantilesOf(this.#pipelineMs),
    };
  }

  /** As many as the slot answers at once; an answer that is early waits for those before it. */
  #begin(): void {
    while (this.#underWay < (this.#slot.abreast?.() ?? 1)) {
      const slot = this.#slot;
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#underWay += 1;
      const startedAt = performance.now();
      const answer = slot.infer(next.window, startedAt - next.offeredAt);
      // Whoever waits for it may be far behind.
      answer.catch(() => undefined);
      this.#recorded = this.#recorded.then(() => this.#record({ slot, window: next.window, startedAt, answer }));
    }
  }

  async #record(begun: Begun): Promise<void> {
    await this.#answer(begun);
    this.#underWay -= 1;
    this.#begin();
    if (this.#underWay === 0) this.#droppedInARow = 0;
    this.#makeRoom();
  }

  #makeRoom(): void {
    const waiting = this.#room;
    this.#room = [];
    for (const resolve of waiting) resolve();
  }

  async #answer({ slot, window, startedAt, answer }: Begun): Promise<void> {
    const { logger, onPrediction } = this.#options;
    try {
      const verdict = await answer;
      this.#publish(slot, window, verdict);
      this.#pipelineMs.add(performance.now() - startedAt);
      await onPrediction?.(window, verdict);
    } catch (error) {
      const code = isModelError(error) ? error.code : 'UNEXPECTED';
      this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1);
      logger.warn(
        { model: slot.model.name, code, startAt: window.startAt, why: sentenceOf(error) },
        'window unanswered',
      );
    }
  }

  #publish(slot: ModelSlotRunner, { startAt, endAt, samples }: AssembledWindow, verdict: SlotVerdict): void {
    const { outbox } = this.#options;
    const { outputs, label, confidence, threshold, engine, latencyMs, degradedReason, escalation } = verdict;
    outbox.enqueue({
      kind: 'predictions',
      priority: 'prediction',
      body: {
        observedAt: endAt,
        model: verdict.answeredBy ?? slot.model,
        window: { startAt, endAt, count: samples.length },
        outputs,
        ...(label !== undefined && { label }),
        ...(confidence !== undefined && { confidence }),
        ...(Number.isFinite(threshold) && { threshold }),
        source: verdict.source ?? 'edge',
        ...(escalation !== undefined && { escalation }),
        ...(engine !== null && { engine }),
        latencyMs,
        ...(degradedReason !== undefined && { degradedReason }),
      },
    });
    this.#predictions += 1;
    if (verdict.exceeded && !this.#exceeded) this.#alarm(slot, startAt, endAt, verdict);
    // Who has nothing to say does not end an alarm.
    if (verdict.source !== 'abstained') this.#exceeded = verdict.exceeded;
  }

  /** On the edge only: one alarm per crossing. */
  #alarm(slot: ModelSlotRunner, startAt: number, endAt: number, { outputs, label, threshold }: SlotVerdict): void {
    const { name, version } = slot.model;
    this.#alarms += 1;
    const message = `${name} says "${label ?? ''}" for the window up to ${new Date(endAt).toISOString()}.`;
    const facts = { model: name, version, label: label ?? null, threshold, startAt, endAt, ...outputs };
    this.#options.events.record('prediction.alarm', 'alarm', message, facts);
  }

  #giveUpOldest(): void {
    this.#queue.shift();
    this.#dropped += 1;
    this.#droppedInARow += 1;
    if (this.#droppedInARow !== 1) return;
    const { name } = this.#slot.model;
    const message = `${name} cannot keep up: windows are given up from now on, oldest first.`;
    this.#options.events.record('windows.dropped', 'warning', message, { model: name, dropped: this.#dropped });
  }
}

const quantilesOf = (sketch: QuantileSketch): InferenceCounters['pipelineMs'] => {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => sketch.quantile(share));
  return p50 == null || p95 == null || p99 == null ? null : { p50, p95, p99 };
};
