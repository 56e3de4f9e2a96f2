/** One device under one model: its stored samples become windows, its normal is learnt, and its windows are judged in large batches. */
import {
  deviceCalibration,
  ownThreshold,
  windowedManifest,
  WindowReplay,
  type FeatureVector,
  type WindowedManifest,
  type WindowSample,
} from '@shoal/models';
import type { BacktestVerdict, SideCounts } from '@shoal/models/backtest';
import type { AskedModel } from './asked-model.ts';

export class DeviceTrack {
  readonly #manifest: WindowedManifest;
  readonly #model: AskedModel;
  readonly #side: SideCounts;
  readonly #replay: WindowReplay;
  #thresholds: Readonly<Record<string, number>> = {};

  /** @throws ModelError MODEL_NOT_WINDOWED */
  constructor(model: AskedModel, side: SideCounts) {
    this.#manifest = windowedManifest(model.manifest);
    this.#model = model;
    this.#side = side;
    this.#replay = new WindowReplay(this.#manifest);
  }

  get waiting(): number {
    return this.#replay.waiting;
  }

  /** A reading that says nothing of the channels of the model is none of its samples. */
  add(sample: WindowSample, skewMs: number): void {
    const { channels } = this.#manifest.window;
    if (channels.some((channel) => sample.values[channel] != null)) this.#replay.add(sample, skewMs);
  }

  /** Everything that waits, by its end. @throws ModelError when the engine is out of service */
  async verdicts(): Promise<BacktestVerdict[]> {
    const { learnt, windows } = this.#replay.drain();
    if (learnt !== undefined) await this.#learn(learnt);
    const matrix = matrixOf(windows.map(({ vector }) => vector));
    const judged = windows.length === 0 ? [] : await this.#model.judge(windows.length, matrix, this.#thresholds);
    return judged.flatMap(({ row, label, exceeded, outputs }) => {
      const window = windows[row];
      return window === undefined ? [] : [{ startAt: window.startAt, endAt: window.endAt, label, exceeded, outputs }];
    });
  }

  close(): void {
    this.#side.replayed(this.#replay.counters());
  }

  async #learn(learnt: readonly FeatureVector[]): Promise<void> {
    const rule = deviceCalibration(this.#manifest);
    const { postProcessing } = this.#manifest;
    if (rule === undefined || postProcessing.kind !== 'score') return;
    const { decisionThreshold, thresholds } = postProcessing;
    const scores = await this.#model.scores(learnt.length, matrixOf(learnt));
    const { threshold } = ownThreshold(rule, scores, thresholds[decisionThreshold]?.default ?? 0);
    this.#thresholds = { [decisionThreshold]: threshold };
  }
}

const matrixOf = (vectors: readonly FeatureVector[]): Float32Array => {
  const width = vectors[0]?.values.length ?? 0;
  const matrix = new Float32Array(vectors.length * width);
  for (const [row, { values }] of vectors.entries()) matrix.set(values, row * width);
  return matrix;
};
