/** The way of a sample through the agent: into a reading, into the windows of the models that look at its source, into predictions. */
import { isDeepStrictEqual } from 'node:util';
import { WindowAssembler, windowedManifest, type WindowedManifest } from '@shoal/models';
import type { FallbackDoor } from './fallback/fallback-door.ts';
import type { HealthBoard } from './health/health-board.port.ts';
import { InferenceLoop, type InferenceLoopOptions } from './inference/inference-loop.ts';
import type { SlotVerdict } from './inference/model-slot-runner.port.ts';
import type { ModelSlot } from './inference/model-slot.ts';
import { inChainOrder, isModelStream } from './model-chains.ts';
import type { Outbox } from './outbox/outbox.port.ts';
import type { Sample, SensorSource } from './sensors/sensor-source.port.ts';
import { StreamJoin, type SampleStream } from './stream-join.ts';
import type { AssembledWindow } from './windows/assembled-window.port.ts';

export interface ModelLaneOptions extends Omit<InferenceLoopOptions, 'slot' | 'onPrediction'> {
  readonly slot: ModelSlot;
  /** Answers the windows: the slot, with its fallback behind it. */
  readonly runner: FallbackDoor;
  /** What others call the stream of its predictions. */
  readonly stream: string;
  /** Streams the model looks at: sensor sources, and predictions of other models. */
  readonly sources: readonly string[];
  /** Event time that several sources wait for the slowest of them. */
  readonly joinWaitMs: number;
  readonly allowedLatenessMs: number;
  readonly maxSamples: number;
  readonly health: HealthBoard;
  /** Takes each prediction; the next window waits for it. */
  readonly onPrediction: (lane: ModelLane, window: AssembledWindow, verdict: SlotVerdict) => Promise<void>;
}

/** What happened on a stream, for who watches it without windows. */
export interface Observation {
  /** A sensor source, or `model:` and what a model is called. */
  readonly stream: string;
  readonly observedAt: number;
  readonly values: Readonly<Record<string, number | null>>;
  /** Of a prediction. */
  readonly label?: string | undefined;
}

/** One model with its windows and its queue. */
export class ModelLane {
  readonly stream: string;
  readonly sources: readonly string[];
  readonly loop: InferenceLoop;
  readonly join: StreamJoin;
  readonly #options: ModelLaneOptions;
  #slot: ModelSlot;
  #runner: FallbackDoor;
  #spec: WindowedManifest['window'];
  #assembler: WindowAssembler;

  /** Throws MODEL_NOT_WINDOWED. */
  constructor(options: ModelLaneOptions) {
    const { slot, runner, stream, sources, joinWaitMs, onPrediction } = options;
    this.#options = options;
    this.#spec = windowedManifest(slot.bundle.manifest).window;
    this.#slot = slot;
    this.#runner = runner;
    this.stream = stream;
    this.sources = sources;
    this.#assembler = this.#createAssembler();
    this.loop = new InferenceLoop({
      ...options,
      slot: runner,
      onPrediction: (window, verdict) => onPrediction(this, window, verdict),
    });
    this.join = new StreamJoin(sources, joinWaitMs);
  }

  get slot(): ModelSlot {
    return this.#slot;
  }

  get runner(): FallbackDoor {
    return this.#runner;
  }

  get assembler(): WindowAssembler {
    return this.#assembler;
  }

  /**
   * Another version takes over at once, between two windows; one that cuts its windows otherwise begins with empty ones. Resolves when
   * what was under way is answered by the one before. Throws MODEL_NOT_WINDOWED and changes nothing.
   */
  async replace(slot: ModelSlot, runner: FallbackDoor): Promise<void> {
    const spec = windowedManifest(slot.bundle.manifest).window;
    const isOther = !isDeepStrictEqual(spec, this.#spec);
    this.#slot = slot;
    this.#runner = runner;
    this.#spec = spec;
    if (isOther) this.#assembler = this.#createAssembler();
    await this.loop.replaceSlot(runner);
  }

  /** One sample after a gap can close many windows: a source that can wait waits before each of them. */
  async add(stream: SampleStream, sample: Sample): Promise<void> {
    this.join.advance(stream, sample.observedAt);
    this.#checkChannels(stream);
    await this.#offer(this.#assembler.add(sample.observedAt, trusted(sample), this.join.completeUpTo), stream.canWait);
  }

  /** The sources have no more; the last windows can wait. */
  async flush(): Promise<void> {
    await this.#offer(this.#assembler.flush(), true);
  }

  /** Says once, when every source has spoken, which channels none of them has. */
  #checkChannels(stream: SampleStream): void {
    const channels = this.join.introduce(stream);
    if (channels === null) return;
    const { health } = this.#options;
    const model = this.#slot.model.name;
    const missing = this.#spec.channels.filter((channel) => !channels.includes(channel));
    const sentence = `${model} needs channels that ${this.sources.join(', ')} does not have: ${missing.join(', ')}.`;
    if (missing.length > 0) health.raise('MODEL_SOURCE_MISMATCH', model, sentence);
    else health.clear('MODEL_SOURCE_MISMATCH', model);
  }

  #createAssembler(): WindowAssembler {
    const { allowedLatenessMs, maxSamples } = this.#options;
    const { channels } = this.#spec;
    return new WindowAssembler({ spec: this.#spec, channels, allowedLatenessMs, maxSamples });
  }

  async #offer(windows: readonly AssembledWindow[], canWait: boolean): Promise<void> {
    for (const window of windows) {
      if (canWait) await this.loop.ready();
      this.loop.offer(window);
    }
  }
}

/** What a model may see of a sample. */
const trusted = ({ values, withheld }: Sample): Sample['values'] =>
  withheld === undefined ? values : { ...values, ...Object.fromEntries(withheld.map((channel) => [channel, null])) };

export interface SamplePipelineOptions {
  readonly outbox: Outbox;
  /** Send every n-th reading of each source; may change while running. */
  readonly everyNthReading: () => number;
  /** Sees every sample and every prediction as models may see them; at once, and never throws. */
  readonly observe?: (observation: Observation) => void;
}

export class SamplePipeline {
  readonly #options: SamplePipelineOptions;
  readonly #seen = new Map<string, number>();
  readonly #endings = new Set<Promise<void>>();
  #lanes: readonly ModelLane[] = [];
  /** Sees every answered window beside what is made of it; at once, and never throws. */
  onVerdict: ((lane: ModelLane, window: AssembledWindow, verdict: SlotVerdict) => void) | undefined;
  #samples = 0;
  #readings = 0;

  constructor(options: SamplePipelineOptions) {
    this.#options = options;
  }

  get lanes(): readonly ModelLane[] {
    return this.#lanes;
  }

  /** A model that another looks at comes before it. Streams of models that are not here have ended. */
  setLanes(lanes: readonly ModelLane[]): void {
    this.#lanes = inChainOrder(lanes);
    const here = lanes.map(({ stream }) => stream);
    for (const { join, sources } of lanes) {
      for (const source of sources) if (isModelStream(source) && !here.includes(source)) join.end(source);
    }
  }

  counters(): { readonly samples: number; readonly readings: number; readonly readingsSkipped: number } {
    return { samples: this.#samples, readings: this.#readings, readingsSkipped: this.#samples - this.#readings };
  }

  /** Resolves when the next sample of a source that can wait may come; at once for the world, which cannot. */
  async deliver(source: SensorSource, sample: Sample): Promise<void> {
    const seen = this.#seen.get(source.name) ?? 0;
    this.#seen.set(source.name, seen + 1);
    this.#samples += 1;
    if (seen % this.#options.everyNthReading() === 0) this.#record(source.name, sample);
    this.#options.observe?.({ stream: source.name, observedAt: sample.observedAt, values: trusted(sample) });
    const lanes = this.#lanesAt(source.name);
    for (const lane of lanes) await lane.add(source, sample);
    if (!source.canWait) return;
    // Only after every lane has the sample: two sources that waited for each other in two lanes would wait for ever.
    for (const lane of lanes) await lane.join.turn(source.name);
    for (const lane of lanes) await lane.loop.ready();
    await this.#options.outbox.ready();
  }

  /** A prediction is a sample of the stream of its model, at the end of its window. */
  async predicted(lane: ModelLane, window: AssembledWindow, verdict: SlotVerdict): Promise<void> {
    this.onVerdict?.(lane, window, verdict);
    const { endAt } = window;
    const { outputs, label } = verdict;
    const { stream, join } = lane;
    this.#options.observe?.({ stream, observedAt: endAt, values: outputs, label });
    const asSource = { name: stream, channels: Object.keys(outputs), canWait: join.canWait };
    for (const next of this.#lanesAt(stream)) await next.add(asSource, { observedAt: endAt, values: outputs });
  }

  /** Resolves when the last windows of the source have been taken, and those of the models that look at their predictions. */
  sourceEnded(name: string): Promise<void> {
    const ending = this.#end(name);
    this.#endings.add(ending);
    const forget = (): void => void this.#endings.delete(ending);
    ending.then(forget, forget);
    return ending;
  }

  /** Resolves when every window so far is answered or given up, and every prediction taken by who looks at it. */
  async settled(): Promise<void> {
    await Promise.all(this.#endings);
    for (const { loop } of this.#lanes) await loop.settled();
  }

  /** Gives up what waits, and lets go who waits for it. */
  abandon(): void {
    for (const { loop, join } of this.#lanes) {
      loop.clear();
      join.letGo();
    }
  }

  async #end(name: string): Promise<void> {
    // Side by side: a model that hangs keeps the last windows of no other waiting.
    await Promise.all(this.#lanesAt(name).map((lane) => this.#endAt(lane, name)));
  }

  async #endAt(lane: ModelLane, name: string): Promise<void> {
    lane.join.end(name);
    if (!lane.join.allEnded) return;
    await lane.flush();
    await lane.loop.settled();
    await this.#end(lane.stream);
  }

  #lanesAt(stream: string): ModelLane[] {
    return this.#lanes.filter(({ sources }) => sources.includes(stream));
  }

  #record(source: string, { observedAt, values, marks }: Sample): void {
    const body = { observedAt, source, values, ...(marks !== undefined && { marks }) };
    this.#options.outbox.enqueue({ kind: 'readings', priority: 'reading', body });
    this.#readings += 1;
  }
}
