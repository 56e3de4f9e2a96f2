/** The engine processes of the server: so many instances, each with all models, each the downfall of nobody but itself. */
import { EngineSupervisor, type Bundle, type SupervisedModel } from '@shoal/models';

type Handles = readonly [SupervisedModel, ...SupervisedModel[]];

export class EngineInstances {
  readonly #supervisors: readonly [EngineSupervisor, ...EngineSupervisor[]];

  /** No process is started before the first model is loaded. `version` is this server's: what engines were found to do holds for it. */
  constructor(instances: number, version: string) {
    const create = (): EngineSupervisor => new EngineSupervisor({ agentVersion: version });
    this.#supervisors = [create(), ...Array.from({ length: instances - 1 }, create)];
  }

  /** A handle of each instance; never rejects: the state of a handle says whether an engine was found. */
  async load(bundle: Bundle): Promise<Handles> {
    const [first, ...others] = this.#supervisors;
    const loaded = await Promise.all([first, ...others].map((supervisor) => supervisor.load(bundle)));
    return loaded as unknown as Handles;
  }

  async close(): Promise<void> {
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.close()));
  }
}
