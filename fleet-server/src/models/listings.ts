/** How lists of the registry look as CSV. */
import {
  modelDeploymentSchema,
  modelReleaseSchema,
  modelSchema,
  type Model,
  type ModelDeployment,
  type ModelRelease,
} from '@shoal/protocol';
import type { Listing } from '../listing/list-answer.ts';

export const MODELS: Listing<Model> = {
  name: 'models',
  item: modelSchema,
  columns: [
    { name: 'name', value: ({ name }) => name },
    { name: 'newest', value: ({ newest }) => newest },
    { name: 'versions', value: ({ versions }) => versions },
    { name: 'aliases', value: ({ aliases }) => aliases.map(({ alias, version }) => `${alias}=${version}`).join(' ') },
    { name: 'devices', value: ({ devices }) => devices },
    { name: 'updatedAt', value: ({ updatedAt }) => updatedAt },
  ],
};

export const RELEASES: Listing<ModelRelease> = {
  name: 'model-releases',
  item: modelReleaseSchema,
  columns: [
    { name: 'name', value: ({ name }) => name },
    { name: 'version', value: ({ version }) => version },
    { name: 'releaseCounter', value: ({ releaseCounter }) => releaseCounter },
    { name: 'digest', value: ({ digest }) => digest },
    { name: 'sha256', value: ({ sha256 }) => sha256 },
    { name: 'lengthBytes', value: ({ lengthBytes }) => lengthBytes },
    { name: 'platform', value: ({ platform }) => platform },
    { name: 'signedBy', value: ({ signedBy }) => signedBy },
    { name: 'source', value: ({ source }) => source },
    { name: 'aliases', value: ({ aliases }) => aliases.join(' ') },
    { name: 'devices', value: ({ devices }) => devices },
    { name: 'createdAt', value: ({ createdAt }) => createdAt },
    { name: 'createdBy', value: ({ createdBy }) => createdBy },
  ],
};

export const DEPLOYMENTS: Listing<ModelDeployment> = {
  name: 'model-deployments',
  item: modelDeploymentSchema,
  columns: [
    { name: 'deviceId', value: ({ deviceId }) => deviceId },
    { name: 'version', value: ({ version }) => version },
    { name: 'digest', value: ({ digest }) => digest },
    { name: 'release', value: ({ release }) => release },
    { name: 'hardwareClass', value: ({ hardwareClass }) => hardwareClass },
    { name: 'state', value: ({ state }) => state },
  ],
};
