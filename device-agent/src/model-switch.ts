/** What the updater needs of this agent: engines to try a candidate on, lanes to compare it in, and the switch from one version to the next without a window lost. */
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { isWindowed, type Bundle, type EngineKind } from '@shoal/models';
import { AgentError } from './errors.ts';
import type { FallbackDoors } from './fallback/fallback-door.ts';
import type { EngineRoom } from './inference/engine-room.ts';
import type { SlotVerdict } from './inference/model-slot-runner.port.ts';
import type { ModelSlot } from './inference/model-slot.ts';
import { selfTest } from './inference/self-test.ts';
import { ShadowComparison } from './inference/shadow-comparison.ts';
import type { ModelHost, SelfTestFigures, ServiceCounts, Shadow } from './ota/model-host.port.ts';
import type { ModelLane, SamplePipeline } from './sample-pipeline.ts';

export interface ModelSwitchOptions {
  readonly engines: EngineRoom;
  readonly pipeline: SamplePipeline;
  readonly fallback: FallbackDoors;
  /** For a version of a model that has none yet. */
  readonly createLane: (slot: ModelSlot) => ModelLane;
  readonly allowed: readonly EngineKind[];
  readonly deadlineMs: number;
  readonly selfTestMs: number;
}

interface Service {
  readonly failedBefore: number;
  inferences: number;
  /** Windows that somebody else had to answer. */
  handedOn: number;
}

const failedOf = (lanes: readonly ModelLane[]): number =>
  lanes.flatMap(({ loop }) => Object.values(loop.counters().failed)).reduce((sum, count) => sum + count, 0);

export class ModelSwitch implements ModelHost {
  readonly #options: ModelSwitchOptions;
  readonly #shadows = new Map<ModelLane, ShadowComparison>();
  /** Loaded for `install`, one for each slot that it will take the place of. */
  readonly #loaded = new Map<string, readonly ModelSlot[]>();
  readonly #services = new Map<string, Service>();

  constructor(options: ModelSwitchOptions) {
    this.#options = options;
    options.pipeline.onVerdict = (lane, window, verdict) => {
      this.#shadows.get(lane)?.see(window, verdict, !lane.slot.isUncalibrated());
      this.#count(lane, verdict);
    };
  }

  selfTest(bundle: Bundle, signal: AbortSignal): Promise<SelfTestFigures> {
    const { allowed, deadlineMs, selfTestMs } = this.#options;
    return selfTest(bundle, { engines: allowed, deadlineMs, durationMs: selfTestMs }, signal);
  }

  async openShadow(bundle: Bundle): Promise<Shadow> {
    const { engines } = this.#options;
    const { name } = bundle.manifest;
    const lane = this.#lanes(name)[0];
    if (lane === undefined || !isDeepStrictEqual(lane.slot.bundle.manifest.window, bundle.manifest.window))
      throw new AgentError('UPDATE_NOT_COMPARABLE', `No ${name} in force here looks at the same windows.`);
    const candidate = await engines.open(lane.slot.assignment, bundle);
    // Judged by the thresholds that the fleet gave the one in force, as it would be in its place.
    candidate.takeOver(lane.slot);
    const shadow = new ShadowComparison(candidate, async () => {
      this.#shadows.delete(lane);
      await engines.discard(candidate);
    });
    this.#shadows.set(lane, shadow);
    return shadow;
  }

  async load(bundle: Bundle): Promise<void> {
    const { name } = bundle.manifest;
    if (this.#loaded.get(name)?.[0]?.model.digest === bundle.digest) return;
    await this.#unload(name);
    this.#loaded.set(name, await this.#open(bundle, undefined));
  }

  async install(name: string, wanted: Bundle | null, source: readonly string[] | undefined): Promise<void> {
    const bundle = wanted ?? this.#options.engines.configured(name);
    if (bundle === undefined) await this.#remove(name);
    else if (!this.#serves(bundle)) await this.#switchTo(bundle, source);
    this.#services.set(name, { failedBefore: failedOf(this.#lanes(name)), inferences: 0, handedOn: 0 });
  }

  service(name: string): ServiceCounts {
    const slots = this.#slots(name);
    const { failedBefore = 0, inferences = 0, handedOn = 0 } = this.#services.get(name) ?? {};
    const lanes = this.#lanes(name);
    // A model without windows is asked by others only: what it answered them counts.
    const asked = slots.reduce((sum, { served }) => sum + served.meter.statistics().inference_stats.success.count, 0);
    return {
      inferences: lanes.length === 0 ? asked : inferences,
      failures: failedOf(lanes) - failedBefore + handedOn,
      losses: slots.reduce((sum, slot) => sum + slot.losses(), 0),
      isDown: slots.some((slot) => slot.state().status === 'unavailable'),
    };
  }

  #slots(name: string): ModelSlot[] {
    return this.#options.engines.slots.filter(({ model }) => model.name === name);
  }

  #lanes(name: string): ModelLane[] {
    return this.#options.pipeline.lanes.filter(({ slot }) => slot.model.name === name);
  }

  #serves({ manifest, digest }: Bundle): boolean {
    const slots = this.#slots(manifest.name);
    return slots.length > 0 && slots.every(({ model }) => model.digest === digest);
  }

  /** One beside each that is in force; one where none is. */
  async #open(bundle: Bundle, source: readonly string[] | undefined): Promise<ModelSlot[]> {
    const { engines } = this.#options;
    const { name } = bundle.manifest;
    const inForce = this.#slots(name);
    if (this.#lanes(name).length > 0 && !isWindowed(bundle.manifest))
      throw new AgentError('UPDATE_INCOMPATIBLE', `${name} ${bundle.manifest.version} looks at no windows.`);
    const assignments = inForce.length === 0 ? [{ bundle: name, source }] : inForce.map(({ assignment }) => assignment);
    const opened: ModelSlot[] = [];
    try {
      for (const assignment of assignments) opened.push(await engines.open(assignment, bundle));
    } catch (error) {
      for (const slot of opened) await engines.discard(slot);
      throw error;
    }
    return opened;
  }

  async #switchTo(bundle: Bundle, source: readonly string[] | undefined): Promise<void> {
    const { name } = bundle.manifest;
    const inForce = this.#slots(name);
    const loaded = this.#loaded.get(name);
    const isReady = loaded?.[0]?.model.digest === bundle.digest && inForce.length > 0;
    if (!isReady) await this.#unload(name);
    const candidates = isReady ? loaded : await this.#open(bundle, source);
    this.#loaded.delete(name);
    for (const [index, candidate] of candidates.entries()) await this.#replace(inForce[index], candidate);
  }

  async #replace(before: ModelSlot | undefined, candidate: ModelSlot): Promise<void> {
    const { engines, pipeline, fallback, createLane } = this.#options;
    const lane = pipeline.lanes.find(({ slot }) => slot === before);
    const next = await engines.activate(candidate, before);
    if (lane !== undefined) void lane.replace(next, fallback.doorOf(next)).then(() => this.#retire(before));
    else {
      if (isWindowed(next.bundle.manifest)) pipeline.setLanes([...pipeline.lanes, createLane(next)]);
      this.#retire(before);
    }
  }

  async #remove(name: string): Promise<void> {
    const { engines, pipeline } = this.#options;
    await this.#unload(name);
    const gone = this.#slots(name);
    pipeline.setLanes(pipeline.lanes.filter(({ slot }) => !gone.includes(slot)));
    for (const slot of gone) {
      engines.drop(slot);
      this.#retire(slot);
    }
  }

  async #unload(name: string): Promise<void> {
    const loaded = this.#loaded.get(name) ?? [];
    this.#loaded.delete(name);
    for (const slot of loaded) await this.#options.engines.discard(slot);
  }

  /** Requests that others have under way are answered within their deadline or not at all. */
  #retire(slot: ModelSlot | undefined): void {
    const { deadlineMs, engines } = this.#options;
    if (slot === undefined) return;
    delay(deadlineMs, undefined, { ref: false })
      .then(() => engines.discard(slot))
      .catch(() => undefined);
  }

  #count({ slot }: ModelLane, { source = 'edge' }: SlotVerdict): void {
    const service = this.#services.get(slot.model.name);
    if (service === undefined) return;
    if (source === 'edge') service.inferences += 1;
    else service.handedOn += 1;
  }
}
