/** Makes what runs models on this device: the room of its engines, and the shelf from which models are loaded on request. */
import { join } from 'node:path';
import { EngineSupervisor, hasRoom } from '@shoal/models';
import type { AgentConfig } from './config.ts';
import type { HealthBoard } from './health/health-board.port.ts';
import { calibrationStateSchema } from './inference/calibration-state.ts';
import { EngineRoom } from './inference/engine-room.ts';
import { ModelShelf } from './inference/model-shelf.ts';
import { probesSchema } from './inference/probe-file.ts';
import type { EventRecorder } from './outbox/event-recorder.port.ts';
import type { Clock } from './runtime.ts';
import { StateFile } from './state-file.ts';
import { AGENT_VERSION } from './version.ts';

interface EngineSurroundings {
  readonly events: EventRecorder;
  readonly health: HealthBoard;
  readonly shelf: ModelShelf | undefined;
}

/** Characters; file systems allow 255 bytes, endings included. */
const MAX_FILE_NAME = 200;
/** Enough to tell the versions of one device apart. */
const DIGEST_CHARS = 16;

export const createEngineRoom = (
  config: AgentConfig,
  { events, health, shelf }: EngineSurroundings,
  clock: Clock,
): EngineRoom => {
  const { deadlineMs, engines, hardLimitMs, requireSignature, trustedKeys } = config.inference;
  const probes = new StateFile(join(config.dataDir, 'engine-probes.json'), probesSchema);
  return new EngineRoom({
    assignments: config.models,
    requireSignature,
    trustedKeyFiles: trustedKeys,
    deadlineMs,
    events,
    health,
    shelf,
    calibrationFile: (model, sources, digest = '') => {
      const version = digest === '' ? [] : [digest.slice(0, DIGEST_CHARS)];
      const name = ['calibration', ...version, model, ...sources].join('-').slice(0, MAX_FILE_NAME);
      return new StateFile(join(config.dataDir, `${name}.json`), calibrationStateSchema);
    },
    now: () => clock.now(),
    createSupervisor: async (onState) => {
      const known = (await probes.read()) ?? [];
      const supervisor: EngineSupervisor = new EngineSupervisor({
        agentVersion: AGENT_VERSION,
        onState,
        probes: known,
        onProbe: () => void probes.write([...supervisor.probes()].slice(-64)).catch(() => undefined),
        allowed: engines,
        limits: { hasRoom, ...(hardLimitMs !== undefined && { hardLimitMs }) },
      });
      return supervisor;
    },
  });
};

/** Undefined where no folder is given to load from. */
export const createShelf = ({ localApi, inference }: AgentConfig): ModelShelf | undefined => {
  if (localApi === null || localApi.modelFolder === null) return undefined;
  const { requireSignature, trustedKeys: trustedKeyFiles } = inference;
  const { modelFolder: folder, maxLoadedModels: maxModels } = localApi;
  return new ModelShelf({ folder, maxModels, requireSignature, trustedKeyFiles });
};
