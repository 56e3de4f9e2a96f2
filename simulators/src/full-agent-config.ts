/** The configuration of full agents inside a simulation: quick to reconnect and to stop, no local API, the shipped pump model. */
import { parseAgentConfig, type AgentConfig, type AgentConfigInput } from '@shoal/device-agent';
import { catalogFolder, readBundle, readCatalog, windowedManifest, type WindowedManifest } from '@shoal/models';
import type { ModelViews } from './ledger/compare-samples.ts';

export const PUMP_MODEL = 'pump-anomaly';
/** What a full agent of a simulated fleet runs: one on onnxruntime, one on TensorFlow.js. */
export const FLEET_MODELS = [PUMP_MODEL, 'pump-condition'] as const;

export interface FullAgentPlace {
  readonly deviceId: string;
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
}

/** Sensors are given by the simulation, or by `over`. */
export const fullAgentConfig = (place: FullAgentPlace, over: Partial<AgentConfigInput> = {}): AgentConfig =>
  parseAgentConfig({
    deviceId: place.deviceId,
    dataDir: place.dataDir,
    hardwareClass: 'simulator',
    fleet: { host: place.host, port: place.port, reconnectFirstMs: 250, reconnectMaxMs: 5_000 },
    models: [{ bundle: PUMP_MODEL }],
    // A live table wants its readings soon; nothing here wears out.
    outbox: { commitWindowMs: 1_000 },
    localApi: null,
    // Ctrl-C reaches the server at the same moment: nobody is there to drain to.
    stopDrainMs: 1_000,
    ...over,
  });

/** The manifest of a model that full agents run: the last version in the catalogue, as the agent chooses it. */
export const pumpModelManifest = async (model: string = PUMP_MODEL): Promise<WindowedManifest> => {
  const versions = (await readCatalog()).filter(({ name }) => name === model);
  const folder = versions.at(-1)?.folder ?? catalogFolder();
  return windowedManifest((await readBundle(folder, { signaturePolicy: 'allow-unsigned' })).manifest);
};

/** What the ledger must know of the models of an agent. */
export const pumpModelViews = async (models: readonly string[] = [PUMP_MODEL]): Promise<ModelViews> =>
  Object.fromEntries(
    await Promise.all(models.map(async (name) => [name, (await pumpModelManifest(name)).window] as const)),
  );
