/** Finds the normal of this device for one model, keeps it over restarts, and finds it anew on request. */
import {
  collectionStep,
  medianLocation,
  normaliseVector,
  ownThreshold,
  type DeviceCalibrationRule,
  type FeatureVector,
} from '@shoal/models';
import type { StateFile } from '../state-file.ts';
import {
  EMPTY_COLLECTION,
  firstState,
  isWorthSaving,
  type CalibrationState,
  type Collection,
  type FoundNormal,
} from './calibration-state.ts';

export interface CalibrationOptions {
  readonly rule: DeviceCalibrationRule;
  readonly digest: string;
  /** In place of the bundle's number of samples. */
  readonly samples: number | undefined;
  /** Threshold of the bundle. */
  readonly floor: number;
  readonly file: StateFile<CalibrationState>;
  readonly now: () => number;
  /** One score per vector, in order, by the model itself. */
  readonly scores: (vectors: readonly FeatureVector[]) => Promise<readonly number[]>;
  readonly onFound: (normal: FoundNormal) => void;
  /** After every attempt to keep the state; undefined when it is on disk. */
  readonly onSaved: (failure: unknown) => void;
}

export interface CalibrationReport {
  readonly state: 'collecting' | 'calibrated' | 'recalibrating';
  /** Windows collected so far, or that the calibration in force was found from. */
  readonly windows: number;
  readonly threshold?: number;
  readonly steady?: boolean;
  /** When the calibration in force was found. */
  readonly since?: number;
}

/** A window as far as a calibration looks at it. */
interface SeenWindow {
  readonly startAt: number;
  readonly endAt: number;
  /** Samples of the source up to its end, since this process began. */
  readonly samplesSeen: number;
}

export class Calibration {
  readonly #options: CalibrationOptions;
  #state: CalibrationState;
  /** What `samplesSeen` was when the collection began or went on, and the samples it had by then. */
  #origin = { samplesSeen: 0, samples: 0 };
  /** Windows that began earlier are not collected. */
  #fromAt = -Infinity;
  #newest: SeenWindow | undefined;
  /** Of the collection that was written last. */
  #savedRows = 0;
  /** When that was, or when the collection began. */
  #savedAt: number;

  constructor(options: CalibrationOptions) {
    this.#options = options;
    this.#savedAt = options.now();
    this.#state = firstState(options.digest);
  }

  /** Goes on where an earlier process of the same bundle stopped. */
  async start(): Promise<void> {
    const { file, digest } = this.#options;
    const kept = await file.read();
    if (kept?.digest !== digest) return;
    this.#state = kept;
    this.#origin = { samplesSeen: 0, samples: kept.collection?.samples ?? 0 };
    this.#savedRows = kept.collection?.rows.length ?? 0;
  }

  /** Keeps what it has collected so far. */
  async stop(): Promise<void> {
    const { collection } = this.#state;
    if (collection !== undefined && collection.rows.length > this.#savedRows) await this.#save();
  }

  get normal(): FoundNormal | undefined {
    return this.#state.normal;
  }

  report(): CalibrationReport {
    const { normal, collection } = this.#state;
    if (normal === undefined) return { state: 'collecting', windows: collection?.rows.length ?? 0 };
    const { threshold, isSteady, windows, at } = normal;
    const state = collection === undefined ? 'calibrated' : 'recalibrating';
    return { state, windows, threshold, steady: isSteady, since: at };
  }

  /** Collects anew from the next window on that begins after the last one ended; what holds now goes on to hold. */
  async restart(): Promise<void> {
    this.#state = { ...this.#state, collection: EMPTY_COLLECTION };
    this.#fromAt = this.#newest?.endAt ?? -Infinity;
    this.#origin = { samplesSeen: this.#newest?.samplesSeen ?? 0, samples: 0 };
    await this.#save();
  }

  /**
   * Takes in a window and returns the vector the model is to be fed with: deviations from the normal of the device, or from
   * the middle of what it has collected so far; a promise only while it collects. Windows come in order. Rejects as `scores`;
   * then the window was not taken in.
   */
  take(window: SeenWindow, vector: FeatureVector): FeatureVector | Promise<FeatureVector> {
    const { collection } = this.#state;
    if (collection === undefined || window.startAt < this.#fromAt) return this.#taken(window, vector);
    return this.#collect(collection, window, vector).then(() => this.#taken(window, vector));
  }

  #taken(window: SeenWindow, vector: FeatureVector): FeatureVector {
    this.#newest = window;
    return normaliseVector(this.#options.rule, this.#location(), vector);
  }

  #location(): readonly number[] {
    const { normal, collection } = this.#state;
    return normal?.location ?? medianLocation(collection?.rows ?? []);
  }

  async #collect(collection: Collection, window: SeenWindow, vector: FeatureVector): Promise<void> {
    const { rule } = this.#options;
    const samples = this.#origin.samples + window.samplesSeen - this.#origin.samplesSeen;
    const wanted = this.#options.samples ?? (rule.method === 'device-normal' ? rule.samples : 0);
    if (collectionStep(rule, collection, samples, wanted) === 'conclude') return this.#conclude(collection, vector);
    const grown = { samples, rows: [...collection.rows, [...vector.values]] };
    this.#state = { ...this.#state, collection: grown };
    if (isWorthSaving(grown, this.#savedRows, this.#options.now() - this.#savedAt)) await this.#save();
  }

  /** `like` lends its names: all vectors of a model have the same. */
  async #conclude(collection: Collection, like: FeatureVector): Promise<void> {
    const { rows } = collection;
    const { rule, floor, digest, now, onFound } = this.#options;
    const location = rule.method === 'device-normal' ? medianLocation(rows) : [];
    const vectors = rows.map((row) => normaliseVector(rule, location, { ...like, values: Float32Array.from(row) }));
    const found = ownThreshold(rule, await this.#options.scores(vectors), floor);
    // A request in the meantime began another collection.
    if (this.#state.collection !== collection) return;
    const normal = { location, ...found, windows: rows.length, at: now() };
    this.#state = { digest, normal };
    await this.#save();
    onFound(normal);
  }

  /** What cannot be kept holds all the same until the process ends. */
  async #save(): Promise<void> {
    const { file, now, onSaved } = this.#options;
    this.#savedAt = now();
    this.#savedRows = this.#state.collection?.rows.length ?? 0;
    await file.write(this.#state).then(() => onSaved(undefined), onSaved);
  }
}
