/** Cuts stored samples of one device into the windows of one model, and learns its normal from them, as the agent does with samples that come. */
import type { WindowedManifest } from '../bundle/manifest.ts';
import {
  collectionStep,
  deviceCalibration,
  medianLocation,
  normaliseVector,
  type DeviceCalibrationRule,
} from '../calibration/device-normal.ts';
import { isModelError } from '../errors.ts';
import { evaluateFeatureView, type FeatureVector } from '../features/feature-vector.ts';
import { WindowAssembler, type AssembledWindow } from '../windows/window-assembler.ts';
import type { WindowSample } from '../features/resample.ts';
import type { Span } from './alarm-episodes.ts';

/** The bound of the agent; stored samples come in order, so it is never met but by a flood. */
const MAX_SAMPLES = 100_000;

/** A window the model is to be asked about. */
export interface ReplayedWindow extends Span {
  /** As the model is fed: deviations from the normal of the device, where it has one. */
  readonly vector: FeatureVector;
}

export interface ReplayCounters {
  /** Windows the normal was learnt from. */
  readonly calibrating: number;
  readonly incomplete: number;
  /** Windows without a vector, by error code. */
  readonly unanswered: ReadonlyMap<string, number>;
  /** The samples came to an end before the normal was found. */
  readonly isUncalibrated: boolean;
}

/** Handed over once each. */
export interface Replayed {
  /** As it was concluded: what the threshold of the device follows from, once scored. */
  readonly learnt: readonly FeatureVector[] | undefined;
  readonly windows: readonly ReplayedWindow[];
}

export class WindowReplay {
  readonly #manifest: WindowedManifest;
  readonly #assembler: WindowAssembler;
  readonly #rule: DeviceCalibrationRule | undefined;
  readonly #unanswered = new Map<string, number>();
  /** While the normal is sought. */
  readonly #collected: FeatureVector[] = [];
  #location: readonly number[] | undefined;
  #learnt: readonly FeatureVector[] | undefined;
  #windows: ReplayedWindow[] = [];

  constructor(manifest: WindowedManifest) {
    const spec = manifest.window;
    this.#manifest = manifest;
    this.#rule = deviceCalibration(manifest);
    this.#assembler = new WindowAssembler({
      spec,
      channels: spec.channels,
      allowedLatenessMs: 0,
      maxSamples: MAX_SAMPLES,
    });
  }

  /** Windows that wait to be scored. */
  get waiting(): number {
    return this.#windows.length;
  }

  /** `skewMs`: what the clock of the device is behind by; windows lie as they did on the device, and are handed over in true time. */
  add({ observedAt, values }: WindowSample, skewMs: number): void {
    for (const window of this.#assembler.add(observedAt, values)) this.#take(window, skewMs);
  }

  drain(): Replayed {
    const drained = { learnt: this.#learnt, windows: this.#windows };
    this.#learnt = undefined;
    this.#windows = [];
    return drained;
  }

  counters(): ReplayCounters {
    return {
      calibrating: this.#collected.length,
      incomplete: this.#assembler.counters().incomplete,
      unanswered: this.#unanswered,
      isUncalibrated: this.#rule !== undefined && this.#location === undefined && this.#collected.length > 0,
    };
  }

  #take(window: AssembledWindow, skewMs: number): void {
    try {
      const vector = evaluateFeatureView(this.#manifest.featureView, window);
      const fed = this.#feed(window, vector);
      if (fed === undefined) return;
      this.#windows.push({ startAt: window.startAt + skewMs, endAt: window.endAt + skewMs, vector: fed });
    } catch (error) {
      if (!isModelError(error)) throw error;
      this.#unanswered.set(error.code, (this.#unanswered.get(error.code) ?? 0) + 1);
    }
  }

  /** @returns undefined for a window that is learnt from: a device that does not know its normal raises no alarm */
  #feed({ samplesSeen }: AssembledWindow, vector: FeatureVector): FeatureVector | undefined {
    const rule = this.#rule;
    if (rule === undefined) return vector;
    if (this.#location === undefined) {
      const wanted = rule.method === 'device-normal' ? rule.samples : 0;
      if (collectionStep(rule, { rows: this.#collected }, samplesSeen, wanted) === 'collect') {
        this.#collected.push(vector);
        return undefined;
      }
      this.#conclude(rule);
    }
    return normaliseVector(rule, this.#location ?? [], vector);
  }

  #conclude(rule: DeviceCalibrationRule): void {
    const location =
      rule.method === 'device-normal' ? medianLocation(this.#collected.map(({ values }) => [...values])) : [];
    this.#location = location;
    this.#learnt = this.#collected.map((vector) => normaliseVector(rule, location, vector));
  }
}
