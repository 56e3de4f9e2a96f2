/** Routes of the registry of models, and those by which devices fetch metadata and bundles. */
import { z } from 'zod';
import * as models from './models.ts';
import {
  bodyProblems,
  created,
  idempotencyHeader,
  ifMatchHeader,
  json,
  list,
  nothing,
  problems,
  tagged,
  text,
  type Operation,
} from './operation.ts';
import { pageQuerySchema } from './page.ts';

const modelParams = z.object({ model: models.modelNameSchema });
const versionParams = modelParams.extend({ version: models.modelVersionNameSchema });
const aliasParams = modelParams.extend({ alias: models.modelAliasNameSchema });
const blobParams = z.object({ sha256: models.sha256HexSchema });

const REGISTRY: readonly Operation[] = [
  {
    id: 'listReleasedModels',
    method: 'get',
    path: '/api/models',
    tag: 'models',
    summary: 'List models by name',
    query: pageQuerySchema,
    responses: { 200: list('Models.', models.modelPageSchema, models.modelSchema), ...problems() },
  },
  {
    id: 'pushModel',
    method: 'post',
    path: '/api/models',
    tag: 'models',
    summary: 'Release a version: a packed bundle of at most 200 MB',
    description:
      'A ustar archive as `shoal model pack` makes it. It is checked in a process of its own; every fault is listed. The same bundle again answers the same, another one under the same version is refused.',
    headers: idempotencyHeader,
    body: z.string().meta({ format: 'binary', description: 'The archive.' }),
    bodyType: 'application/x-tar',
    responses: { 201: created('The release.', models.modelReleaseSchema), ...bodyProblems(409, 503) },
  },
  {
    id: 'getReleasedModel',
    method: 'get',
    path: '/api/models/{model}',
    tag: 'models',
    summary: 'Show one model',
    params: modelParams,
    responses: { 200: json('The model.', models.modelSchema), ...problems(404) },
  },
  {
    id: 'listModelReleases',
    method: 'get',
    path: '/api/models/{model}/versions',
    tag: 'models',
    summary: 'List the released versions of a model, the newest first',
    params: modelParams,
    query: pageQuerySchema,
    responses: {
      200: list('By release counter.', models.modelReleasePageSchema, models.modelReleaseSchema),
      ...problems(404),
    },
  },
  {
    id: 'getModelRelease',
    method: 'get',
    path: '/api/models/{model}/versions/{version}',
    tag: 'models',
    summary: 'Show one version with its manifest, its card and what devices measured',
    params: versionParams,
    responses: { 200: json('The release.', models.modelReleaseDocumentSchema), ...problems(404) },
  },
  {
    id: 'deleteModelRelease',
    method: 'delete',
    path: '/api/models/{model}/versions/{version}',
    tag: 'models',
    summary: 'Remove a version that no device runs, no alias names and nothing assigns',
    params: versionParams,
    headers: ifMatchHeader,
    responses: { 204: nothing('Removed.'), ...problems(404, 409, 415, 503) },
  },
  {
    id: 'diffModelReleases',
    method: 'get',
    path: '/api/models/{model}/diff',
    tag: 'models',
    summary: 'Compare two versions: manifest and files',
    params: modelParams,
    query: models.modelDiffQuerySchema,
    responses: { 200: json('What differs.', models.modelDiffSchema), ...problems(404) },
  },
  {
    id: 'listModelDeployments',
    method: 'get',
    path: '/api/models/{model}/deployments',
    tag: 'models',
    summary: 'List the devices that report to run a model',
    params: modelParams,
    query: pageQuerySchema,
    responses: {
      200: list('By device.', models.modelDeploymentPageSchema, models.modelDeploymentSchema),
      ...problems(404),
    },
  },
  {
    id: 'getModelAlias',
    method: 'get',
    path: '/api/models/{model}/aliases/{alias}',
    tag: 'models',
    summary: 'Show where an alias points',
    params: aliasParams,
    responses: { 200: tagged('The alias.', models.modelAliasSchema), ...problems(404) },
  },
  {
    id: 'putModelAlias',
    method: 'put',
    path: '/api/models/{model}/aliases/{alias}',
    tag: 'models',
    summary: 'Point an alias to a version',
    params: aliasParams,
    headers: ifMatchHeader,
    body: models.modelAliasPutSchema,
    responses: { 200: tagged('The alias as it is now.', models.modelAliasSchema), ...bodyProblems(404, 409, 503) },
  },
  {
    id: 'deleteModelAlias',
    method: 'delete',
    path: '/api/models/{model}/aliases/{alias}',
    tag: 'models',
    summary: 'Remove an alias',
    params: aliasParams,
    headers: ifMatchHeader,
    responses: { 204: nothing('Removed.'), ...problems(404, 409, 415, 503) },
  },
];

const BYTES = 'application/octet-stream';

const FOR_DEVICES: readonly Operation[] = [
  {
    id: 'getTufFile',
    method: 'get',
    path: '/tuf/{file}',
    tag: 'models',
    summary: 'Fetch a file of the TUF repository',
    description:
      'Consistent snapshots: 1.root.json, timestamp.json, {n}.snapshot.json, {n}.targets.json, {n}.bin-{hex}.json. All but timestamp.json never change; it has an ETag.',
    params: z.object({ file: z.string().max(64) }),
    responses: { 200: json('Signed metadata.', z.looseObject({ signed: z.looseObject({}) })), ...problems(404) },
  },
  {
    id: 'getBlob',
    method: 'get',
    path: '/blobs/sha256/{sha256}',
    tag: 'models',
    summary: 'Fetch content by its hash, whole or a range of it',
    description: 'One range of bytes (RFC 9110 14); If-Range takes the strong ETag, which is the hash in quotes.',
    params: blobParams,
    responses: {
      200: text('The content.', BYTES),
      206: text('The range that was asked for.', BYTES),
      416: nothing('A range that starts beyond the end.'),
      ...problems(404, 503),
    },
  },
  {
    id: 'getBlobDelta',
    method: 'get',
    path: '/blobs/sha256/{sha256}/delta/{base}',
    tag: 'models',
    summary: 'Fetch what makes one content of another',
    description: 'Made when it is first asked for; 404 when it would save too little. Ranges as of the whole content.',
    params: blobParams.extend({ base: models.sha256HexSchema }),
    responses: {
      200: text('The delta.', BYTES),
      206: text('The range that was asked for.', BYTES),
      416: nothing('A range that starts beyond the end.'),
      ...problems(404, 503),
    },
  },
];

export const MODEL_OPERATIONS: readonly Operation[] = [...REGISTRY, ...FOR_DEVICES];
