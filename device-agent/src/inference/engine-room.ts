/** Loads the configured models, keeps their engines, and starts those anew on request; a model that cannot be read is reported and left out. */
import {
  EngineSupervisor,
  isModelError,
  ModelError,
  type Bundle,
  type EngineState,
  type TrustedKeys,
} from '@shoal/models';
import { AgentError, isAgentError, sentenceOf } from '../errors.ts';
import type { HealthBoard } from '../health/health-board.port.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { StateFile } from '../state-file.ts';
import { readAssignedBundle, type ModelAssignment } from './assigned-bundle.ts';
import type { CalibrationState } from './calibration-state.ts';
import type { ModelShelf } from './model-shelf.ts';
import { ModelSlot } from './model-slot.ts';
import { readTrustedKeys } from './trusted-keys.ts';

export type SupervisorFactory = (onState: (state: EngineState) => void) => Promise<EngineSupervisor>;

export interface EngineRoomOptions {
  readonly assignments: readonly ModelAssignment[];
  readonly requireSignature: boolean;
  /** Key id to PEM file. */
  readonly trustedKeyFiles: Readonly<Record<string, string>>;
  readonly deadlineMs: number;
  readonly events: EventRecorder;
  readonly health: HealthBoard;
  readonly createSupervisor: SupervisorFactory;
  /** Models that come and go on request, on the same engines. */
  readonly shelf?: ModelShelf | undefined;
  /**
   * Where the calibration of a model is kept, by the model's name and those of its sources, when it names them. A version of an
   * update has its own, by its digest: the one before goes on with what it learnt when it serves again.
   */
  readonly calibrationFile: (
    model: string,
    sources: readonly string[],
    digest: string | undefined,
  ) => StateFile<CalibrationState>;
  readonly now: () => number;
}

/** Who is told of what changes about a model. */
export interface SlotListeners {
  readonly events: EventRecorder;
  readonly health: HealthBoard;
}

const UNHEARD: SlotListeners = {
  events: { record: () => undefined },
  health: { raise: () => undefined, clear: () => undefined, reasons: () => [], onChange: () => undefined },
};

/** A version that an update brought, in place of the model of that name in the configuration, or beside it. */
export interface UpdatedBundle {
  readonly bundle: Bundle;
  readonly source: readonly string[] | undefined;
}

export class EngineRoom {
  readonly #options: EngineRoomOptions;
  #supervisor: EngineSupervisor | undefined;
  #slots: ModelSlot[] = [];
  readonly #configured = new Map<string, Bundle>();
  /** On engines already, and not in force. */
  readonly #candidates = new Set<ModelSlot>();

  constructor(options: EngineRoomOptions) {
    this.#options = options;
  }

  /** Models whose bundle could be read; their engines may still be on their way. */
  get slots(): readonly ModelSlot[] {
    return this.#slots;
  }

  /** Reads every bundle. Engines are started by `startEngines`. Throws CONFIG_INVALID for a key that is none. */
  async readBundles(updated: readonly UpdatedBundle[] = []): Promise<void> {
    const trustedKeys = await readTrustedKeys(this.#options.trustedKeyFiles);
    const left = new Set(updated);
    for (const assignment of this.#options.assignments) {
      const own = await this.#read(assignment, trustedKeys);
      const name = own?.manifest.name ?? assignment.bundle;
      if (own !== undefined) this.#configured.set(name, own);
      const update = updated.find(({ bundle }) => bundle.manifest.name === name);
      if (update !== undefined) left.delete(update);
      const bundle = update?.bundle ?? own;
      if (bundle !== undefined) this.#slots.push(await this.#slotOf(assignment, bundle, this.#options));
    }
    for (const { bundle, source } of left)
      this.#slots.push(await this.#slotOf({ bundle: bundle.manifest.name, source }, bundle, this.#options));
  }

  /** The bundle of that name in the configuration. Undefined where there is none that can be read. */
  configured(name: string): Bundle | undefined {
    return this.#configured.get(name);
  }

  /** Loads another version beside what is in force; it tells nobody of itself. To be discarded or activated. Throws ModelError when no engine runs it. */
  async open(assignment: ModelAssignment, bundle: Bundle): Promise<ModelSlot> {
    const supervisor = this.#supervisor;
    if (supervisor === undefined)
      throw new ModelError('ENGINE_UNAVAILABLE', 'The engines of this device start; try again');
    const slot = await this.#slotOf(assignment, bundle, UNHEARD);
    this.#candidates.add(slot);
    const handle = await supervisor.load(bundle);
    slot.attach(handle);
    slot.onEngineState(handle.state());
    const { status, reason } = handle.state();
    if (status !== 'unavailable') return slot;
    await this.discard(slot);
    throw new ModelError(reason?.code ?? 'ENGINE_UNAVAILABLE', reason?.message ?? `No engine runs ${slot.model.name}`);
  }

  /** A version that was opened, or that is in force no longer: its engine is let go. */
  async discard(slot: ModelSlot): Promise<void> {
    this.#candidates.delete(slot);
    await slot.stop();
    await slot.handOver()?.close();
  }

  /** A version that was opened is in force from now on, in place of `before`, which is the caller's to discard. */
  async activate(candidate: ModelSlot, before: ModelSlot | undefined): Promise<ModelSlot> {
    await candidate.stop();
    const next = await this.#slotOf(candidate.assignment, candidate.bundle, this.#options);
    this.#candidates.delete(candidate);
    const handle = candidate.handOver();
    if (handle !== undefined) {
      next.attach(handle);
      next.onEngineState(handle.state());
    }
    if (before !== undefined) next.takeOver(before);
    this.#slots =
      before === undefined ? [...this.#slots, next] : this.#slots.map((slot) => (slot === before ? next : slot));
    return next;
  }

  /** In force no longer, with nothing in its place; the caller's to discard. */
  drop(slot: ModelSlot): void {
    this.#slots = this.#slots.filter((other) => other !== slot);
  }

  /** Resolves when every model is ready or known not to be. */
  async startEngines(): Promise<void> {
    const supervisor = await this.#options.createSupervisor((state) =>
      [...this.#slots, ...this.#candidates].find(({ model }) => model.digest === state.digest)?.onEngineState(state),
    );
    this.#supervisor = supervisor;
    // Side by side: a model that takes its time in probation keeps no other waiting.
    const slots = [...this.#slots, ...this.#candidates];
    await Promise.all(slots.map(async (slot) => slot.attach(await supervisor.load(slot.bundle))));
    await this.#options.shelf?.attach(supervisor);
  }

  /** Ends every engine process and starts new ones; also gives engines that were given up another chance. */
  async restartEngines(): Promise<void> {
    for (const slot of [...this.#slots, ...this.#candidates]) slot.detach();
    this.#options.shelf?.detach();
    await this.#supervisor?.close();
    await this.startEngines();
  }

  /** Names of the models that calibrate anew: one, or all that need it. Throws CALIBRATION_NOT_DECLARED when none does. */
  async calibrate(model: string | undefined): Promise<string[]> {
    const begun: string[] = [];
    for (const slot of this.#slots) {
      const isMeant = model === undefined || slot.model.name === model;
      if (isMeant && (await slot.calibrate())) begun.push(slot.model.name);
    }
    if (begun.length > 0) return begun;
    throw new AgentError('CALIBRATION_NOT_DECLARED', `${model ?? 'No model here'} declares no calibration.`);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#slots, ...this.#candidates].map((slot) => slot.stop()));
    await this.#supervisor?.close();
    this.#supervisor = undefined;
  }

  async #slotOf(assignment: ModelAssignment, bundle: Bundle, listeners: SlotListeners): Promise<ModelSlot> {
    const { deadlineMs, calibrationFile, now } = this.#options;
    const { events, health } = listeners;
    const { manifest, digest } = bundle;
    const isOfUpdate = this.#configured.get(manifest.name)?.digest !== digest;
    const kept = calibrationFile(manifest.name, [assignment.source ?? []].flat(), isOfUpdate ? digest : undefined);
    const slot = new ModelSlot({ assignment, bundle, deadlineMs, events, health, calibrationFile: kept, now });
    await slot.start();
    return slot;
  }

  async #read(assignment: ModelAssignment, trustedKeys: TrustedKeys): Promise<Bundle | undefined> {
    const { requireSignature, events, health } = this.#options;
    try {
      return await readAssignedBundle(assignment, { trustedKeys, requireSignature });
    } catch (error) {
      const code = isModelError(error) || isAgentError(error) ? error.code : 'UNEXPECTED';
      const message = `The model ${assignment.bundle} cannot be used; readings are sent without its predictions. ${sentenceOf(error)}`;
      events.record('model.unavailable', 'error', message, { model: assignment.bundle, code });
      health.raise('MODEL_UNAVAILABLE', assignment.bundle, message);
      return undefined;
    }
  }
}
