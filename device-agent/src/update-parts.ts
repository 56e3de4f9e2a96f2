/** Makes the updater of the models and joins it with the agent: loaded by the first assignment, or by the record of an earlier one. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { UpdateHold } from '@shoal/protocol/wire';
import type { AgentConfig } from './config.ts';
import type { HealthBoard } from './health/health-board.port.ts';
import { readTrustedKeys } from './inference/trusted-keys.ts';
import { ModelSwitch, type ModelSwitchOptions } from './model-switch.ts';
import type { BlobSource, FileSource } from './ota/blob-source.port.ts';
import { firstRoot } from './ota/first-root.ts';
import { MetadataStore } from './ota/metadata-store.ts';
import { nodeDisk } from './ota/node-disk.ts';
import { runRelayedTufChild, runTufChild, type Look } from './ota/run-tuf-child.ts';
import { Updater } from './ota/updater.ts';
import type { EventRecorder } from './outbox/event-recorder.port.ts';
import type { Clock, Logger, Random } from './runtime.ts';
import type { LinkParticipant } from './uplink/fleet-link.port.ts';
import { updatePlace } from './updates-config.ts';
import { AGENT_VERSION } from './version.ts';

export interface UpdateSurroundings extends Pick<
  ModelSwitchOptions,
  'engines' | 'pipeline' | 'fallback' | 'createLane'
> {
  readonly events: EventRecorder;
  readonly health: HealthBoard;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly knownNow: () => number | null;
  readonly hold: () => UpdateHold | null;
  readonly onChange: () => void;
  /** Takes part in every connection from then on. */
  readonly join: (participant: LinkParticipant) => void;
}

const SELF_TEST_MS = 2_000;
const RETRY_FIRST_MS = 1_000;
const LOOK_MS = 500;

/** The way to bundles and metadata. */
interface Way {
  readonly source: BlobSource & FileSource;
  /** Null where nothing is fetched over HTTP. */
  readonly url: string | null;
  readonly look: Look;
}

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await delay(ms, undefined, { signal, ref: false });
};

/** Only the code of the way that is gone is loaded. */
const openWay = async (config: AgentConfig, { clock, join: takePart }: UpdateSurroundings): Promise<Way> => {
  const { deviceId, updates } = config;
  if (updates.transport === 'http') {
    const { url } = updatePlace(config);
    const { HttpBlobs } = await import('./ota/http-blobs.ts');
    return { source: new HttpBlobs(url), url, look: runTufChild };
  }
  const { MqttBlobs } = await import('./ota/mqtt-blobs.ts');
  const source = new MqttBlobs({ deviceId, clock, pause, mostBytesPerS: updates.mqttBytesPerS });
  takePart(source);
  return { source, url: null, look: runRelayedTufChild(source) };
};

export const createUpdater = async (config: AgentConfig, surroundings: UpdateSurroundings): Promise<Updater> => {
  const { deviceId, inference, updates } = config;
  const { deadlineMs, engines: allowed, requireSignature, trustedKeys } = inference;
  const { folder } = updatePlace(config);
  const { source, url, look } = await openWay(config, surroundings);
  const disk = nodeDisk;
  const root = { disk, folder: join(folder, 'metadata'), source, file: updates.rootFile, logger: surroundings.logger };
  return new Updater({
    ...surroundings,
    deviceId,
    agentVersion: AGENT_VERSION,
    disk,
    folder,
    metadata: new MetadataStore({
      disk,
      folder: join(folder, 'metadata'),
      url,
      firstRoot: (signal) => firstRoot(root, signal),
      look,
    }),
    blobs: source,
    host: new ModelSwitch({ ...surroundings, allowed, deadlineMs, selfTestMs: SELF_TEST_MS }),
    bundlePolicy: async () => ({
      signaturePolicy: requireSignature ? 'require' : 'allow-unsigned',
      trustedKeys: await readTrustedKeys(trustedKeys),
    }),
    pause,
    retryFirstMs: RETRY_FIRST_MS,
    lookMs: LOOK_MS,
  });
};
