/** How lists of rollouts, of their devices and their timeline look as CSV. */
import {
  rolloutDeviceSchema,
  rolloutEventSchema,
  rolloutSchema,
  type Rollout,
  type RolloutDevice,
  type RolloutEvent,
} from '@shoal/protocol';
import type { Listing } from '../listing/list-answer.ts';

export const ROLLOUTS: Listing<Rollout> = {
  name: 'rollouts',
  item: rolloutSchema,
  columns: [
    { name: 'rolloutId', value: ({ rolloutId }) => rolloutId },
    { name: 'name', value: ({ name }) => name },
    { name: 'model', value: ({ model }) => model },
    { name: 'version', value: ({ version }) => version },
    { name: 'state', value: ({ state }) => state },
    { name: 'cause', value: ({ cause }) => cause?.code },
    { name: 'stage', value: ({ stage }) => stage },
    { name: 'stages', value: ({ stages }) => stages.length },
    { name: 'devices', value: ({ stages }) => stages.reduce((sum, { devices }) => sum + devices, 0) },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'createdBy', value: ({ createdBy }) => createdBy },
    { name: 'startedAt', value: ({ startedAt }) => startedAt },
    { name: 'finishedAt', value: ({ finishedAt }) => finishedAt },
  ],
};

export const DEVICES: Listing<RolloutDevice> = {
  name: 'rollout-devices',
  item: rolloutDeviceSchema,
  columns: [
    { name: 'deviceId', value: ({ deviceId }) => deviceId },
    { name: 'stage', value: ({ stage }) => stage },
    { name: 'state', value: ({ state }) => state },
    { name: 'hardwareClass', value: ({ hardwareClass }) => hardwareClass },
    { name: 'runs', value: ({ runs }) => runs },
    { name: 'ranBefore', value: ({ ranBefore }) => ranBefore },
    { name: 'assignedAt', value: ({ assignedAt }) => assignedAt },
    { name: 'executedAt', value: ({ executedAt }) => executedAt },
    { name: 'updateState', value: ({ updateState }) => updateState },
    { name: 'causeCode', value: ({ cause }) => cause?.code },
    { name: 'causeMessage', value: ({ cause }) => cause?.message },
  ],
};

export const TIMELINE: Listing<RolloutEvent> = {
  name: 'rollout-timeline',
  item: rolloutEventSchema,
  columns: [
    { name: 'number', value: ({ number }) => number },
    { name: 'at', value: ({ at }) => at },
    { name: 'kind', value: ({ kind }) => kind },
    { name: 'stage', value: ({ stage }) => stage },
    { name: 'deviceId', value: ({ deviceId }) => deviceId },
    { name: 'by', value: ({ by }) => by },
    { name: 'causeCode', value: ({ cause }) => cause?.code },
    { name: 'causeMessage', value: ({ cause }) => cause?.message },
  ],
};
