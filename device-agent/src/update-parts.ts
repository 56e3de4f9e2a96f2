/** Makes the updater of the models and joins it with the agent: loaded by the first assignment, or by the record of an earlier one. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { UpdateHold } from '@shoal/protocol/wire';
import type { AgentConfig } from './config.ts';
import type { HealthBoard } from './health/health-board.port.ts';
import { readTrustedKeys } from './inference/trusted-keys.ts';
import { ModelSwitch, type ModelSwitchOptions } from './model-switch.ts';
import { firstRoot } from './ota/first-root.ts';
import { HttpBlobs } from './ota/http-blobs.ts';
import { MetadataStore } from './ota/metadata-store.ts';
import { nodeDisk } from './ota/node-disk.ts';
import { runTufChild } from './ota/run-tuf-child.ts';
import { Updater } from './ota/updater.ts';
import type { EventRecorder } from './outbox/event-recorder.port.ts';
import type { Clock, Logger, Random } from './runtime.ts';
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
}

const SELF_TEST_MS = 2_000;
const RETRY_FIRST_MS = 1_000;
const LOOK_MS = 500;

export const createUpdater = (config: AgentConfig, surroundings: UpdateSurroundings): Updater => {
  const { deviceId, inference, updates } = config;
  const { deadlineMs, engines: allowed, requireSignature, trustedKeys } = inference;
  const { folder, url } = updatePlace(config);
  const disk = nodeDisk;
  const root = { disk, folder: join(folder, 'metadata'), url, file: updates.rootFile, logger: surroundings.logger };
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
      look: runTufChild,
    }),
    blobs: new HttpBlobs(url),
    host: new ModelSwitch({ ...surroundings, allowed, deadlineMs, selfTestMs: SELF_TEST_MS }),
    bundlePolicy: async () => ({
      signaturePolicy: requireSignature ? 'require' : 'allow-unsigned',
      trustedKeys: await readTrustedKeys(trustedKeys),
    }),
    pause: async (ms, signal) => {
      await delay(ms, undefined, { signal, ref: false });
    },
    retryFirstMs: RETRY_FIRST_MS,
    lookMs: LOOK_MS,
  });
};
