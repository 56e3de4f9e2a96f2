/** The way of a sample through the agent: into a reading, into the windows of the models that look at its source, into predictions. */
import { windowedManifest, type WindowedManifest } from '@shoal/models';
import type { HealthBoard } from './health/health-board.port.ts';
import { InferenceLoop, type InferenceLoopOptions } from './inference/inference-loop.ts';
import type { ModelSlot } from './inference/model-slot.ts';
import type { Outbox } from './outbox/outbox.port.ts';
import type { Sample, SensorSource } from './sensors/sensor-source.port.ts';
import type { AssembledWindow } from './windows/assembled-window.port.ts';
import { WindowAssembler } from './windows/window-assembler.ts';

export interface ModelLaneOptions extends Omit<InferenceLoopOptions, 'slot'> {
  readonly slot: ModelSlot;
  /** Name of the sensor source the model looks at. */
  readonly source: string;
  readonly allowedLatenessMs: number;
  readonly maxSamples: number;
  readonly health: HealthBoard;
}

/** One model with its windows and its queue. */
export class ModelLane {
  readonly slot: ModelSlot;
  readonly source: string;
  readonly assembler: WindowAssembler;
  readonly loop: InferenceLoop;
  readonly #health: HealthBoard;
  readonly #spec: WindowedManifest['window'];

  /** Throws MODEL_NOT_WINDOWED. */
  constructor(options: ModelLaneOptions) {
    const { slot, source, allowedLatenessMs, maxSamples, health } = options;
    const spec = windowedManifest(slot.bundle.manifest).window;
    this.#spec = spec;
    this.slot = slot;
    this.source = source;
    this.assembler = new WindowAssembler({ spec, channels: spec.channels, allowedLatenessMs, maxSamples });
    this.loop = new InferenceLoop(options);
    this.#health = health;
  }

  /** One sample after a gap can close many windows: a source that can wait waits before each of them. */
  async add({ observedAt, values }: Sample, canWait: boolean): Promise<void> {
    await this.#offer(this.assembler.add(observedAt, values), canWait);
  }

  /** Says once and again which channels the source lacks. */
  checkChannels({ channels, name }: SensorSource): void {
    const model = this.slot.model.name;
    const missing = this.#spec.channels.filter((channel) => !channels.includes(channel));
    const sentence = `${model} needs channels that ${name} does not have: ${missing.join(', ')}.`;
    if (missing.length > 0) this.#health.raise('MODEL_SOURCE_MISMATCH', model, sentence);
    else this.#health.clear('MODEL_SOURCE_MISMATCH', model);
  }

  /** The source has no more; its last windows can wait. */
  async flush(): Promise<void> {
    await this.#offer(this.assembler.flush(), true);
  }

  async #offer(windows: readonly AssembledWindow[], canWait: boolean): Promise<void> {
    for (const window of windows) {
      if (canWait) await this.loop.ready();
      this.loop.offer(window);
    }
  }
}

export interface SamplePipelineOptions {
  readonly outbox: Outbox;
  /** Send every n-th reading of each source; may change while running. */
  readonly everyNthReading: () => number;
}

export class SamplePipeline {
  readonly #options: SamplePipelineOptions;
  readonly #seen = new Map<string, number>();
  #lanes: readonly ModelLane[] = [];
  #samples = 0;
  #readings = 0;

  constructor(options: SamplePipelineOptions) {
    this.#options = options;
  }

  get lanes(): readonly ModelLane[] {
    return this.#lanes;
  }

  setLanes(lanes: readonly ModelLane[]): void {
    this.#lanes = lanes;
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
    const lanes = this.#lanes.filter((lane) => lane.source === source.name);
    for (const lane of lanes) {
      if (seen === 0) lane.checkChannels(source);
      await lane.add(sample, source.canWait);
    }
    if (!source.canWait) return;
    for (const lane of lanes) await lane.loop.ready();
    await this.#options.outbox.ready();
  }

  /** Resolves when the last windows of the source have been taken. */
  async sourceEnded(name: string): Promise<void> {
    for (const lane of this.#lanes) if (lane.source === name) await lane.flush();
  }

  /** Resolves when every window so far is answered or given up. */
  async settled(): Promise<void> {
    await Promise.all(this.#lanes.map(({ loop }) => loop.settled()));
  }

  #record(source: string, { observedAt, values, marks }: Sample): void {
    const body = { observedAt, source, values, ...(marks !== undefined && { marks }) };
    this.#options.outbox.enqueue({ kind: 'readings', priority: 'reading', body });
    this.#readings += 1;
  }
}
