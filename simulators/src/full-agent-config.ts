/** The configuration of full agents inside a simulation: quick to reconnect and to stop, no local API, the shipped pump model. */
import { parseAgentConfig, type AgentConfig, type AgentConfigInput } from '@shoal/device-agent';
import { catalogFolder, readBundle, readCatalog, windowedManifest, type WindowedManifest } from '@shoal/models';

export const PUMP_MODEL = 'pump-anomaly';

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

/** The manifest of the model that full agents run: the last version in the catalogue, as the agent chooses it. */
export const pumpModelManifest = async (): Promise<WindowedManifest> => {
  const versions = (await readCatalog()).filter(({ name }) => name === PUMP_MODEL);
  const folder = versions.at(-1)?.folder ?? catalogFolder();
  return windowedManifest((await readBundle(folder, { signaturePolicy: 'allow-unsigned' })).manifest);
};
