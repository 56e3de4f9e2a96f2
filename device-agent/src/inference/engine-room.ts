/** Loads the configured models, keeps their engines, and starts those anew on request; a model that cannot be read is reported and left out. */
import { EngineSupervisor, isModelError, type Bundle, type EngineState, type TrustedKeys } from '@shoal/models';
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
  /** Where the calibration of a model is kept, by the model's name and those of its sources, when it names them. */
  readonly calibrationFile: (model: string, sources: readonly string[]) => StateFile<CalibrationState>;
  readonly now: () => number;
}

export class EngineRoom {
  readonly #options: EngineRoomOptions;
  #supervisor: EngineSupervisor | undefined;
  #slots: ModelSlot[] = [];

  constructor(options: EngineRoomOptions) {
    this.#options = options;
  }

  /** Models whose bundle could be read; their engines may still be on their way. */
  get slots(): readonly ModelSlot[] {
    return this.#slots;
  }

  /** Reads every bundle. Engines are started by `startEngines`. Throws CONFIG_INVALID for a key that is none. */
  async readBundles(): Promise<void> {
    const trustedKeys = await readTrustedKeys(this.#options.trustedKeyFiles);
    for (const assignment of this.#options.assignments) {
      const bundle = await this.#read(assignment, trustedKeys);
      if (bundle === undefined) continue;
      const { deadlineMs, events, health, calibrationFile, now } = this.#options;
      const kept = calibrationFile(bundle.manifest.name, [assignment.source ?? []].flat());
      const slot = new ModelSlot({ assignment, bundle, deadlineMs, events, health, calibrationFile: kept, now });
      await slot.start();
      this.#slots.push(slot);
    }
  }

  /** Resolves when every model is ready or known not to be. */
  async startEngines(): Promise<void> {
    const supervisor = await this.#options.createSupervisor((state) =>
      this.#slots.find(({ model }) => model.digest === state.digest)?.onEngineState(state),
    );
    this.#supervisor = supervisor;
    // Side by side: a model that takes its time in probation keeps no other waiting.
    await Promise.all(this.#slots.map(async (slot) => slot.attach(await supervisor.load(slot.bundle))));
    await this.#options.shelf?.attach(supervisor);
  }

  /** Ends every engine process and starts new ones; also gives engines that were given up another chance. */
  async restartEngines(): Promise<void> {
    for (const slot of this.#slots) slot.detach();
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
    await Promise.all(this.#slots.map((slot) => slot.stop()));
    await this.#supervisor?.close();
    this.#supervisor = undefined;
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
