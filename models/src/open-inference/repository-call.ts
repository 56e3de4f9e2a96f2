/** The model repository extension: what is there, and loading and unloading where the host lets it. */
import { z } from 'zod';
import { ModelError } from '../errors.ts';
import { jsonAnswer, type OpenInferenceAnswer, type OpenInferenceRequest } from './exchange.ts';
import type { ModelRepository } from './model-repository.port.ts';
import { repositoryEntry } from './model-views.ts';

const indexSchema = z.object({ ready: z.boolean().optional() });
/** `config` and `file:` of Triton's load would bring a model past every signature: refused by name. */
const loadSchema = z.object({
  parameters: z.strictObject({ unload_dependents: z.boolean().optional() }).optional(),
});

/** An empty body is an empty object. Throws REQUEST_INVALID. */
const readBody = <S extends z.ZodType>({ body }: OpenInferenceRequest, schema: S): z.infer<S> => {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8').trim();
  try {
    return schema.parse(text === '' ? {} : JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? (cause.issues[0]?.message ?? '') : 'it is not JSON';
    throw new ModelError('REQUEST_INVALID', `The body is not as the repository extension has it: ${why}`, { cause });
  }
};

export const answerIndex = async (
  request: OpenInferenceRequest,
  repository: ModelRepository,
): Promise<OpenInferenceAnswer> => {
  const { ready } = readBody(request, indexSchema);
  const served = repository.list().map(repositoryEntry);
  const entries = [...served, ...((await repository.unloaded?.()) ?? [])];
  return jsonAnswer(ready === true ? entries.filter(({ state }) => state === 'READY') : entries);
};

/** Rejects with ModelError REPOSITORY_FIXED where the host loads nothing, or with why the model cannot be used. */
export const answerRepositoryChange = async (
  request: OpenInferenceRequest,
  repository: ModelRepository,
  change: 'load' | 'unload',
  model: string,
): Promise<OpenInferenceAnswer> => {
  if (repository[change] === undefined)
    throw new ModelError('REPOSITORY_FIXED', `This host cannot ${change} models; its configuration names them`);
  readBody(request, loadSchema);
  await repository[change](model);
  return jsonAnswer({});
};
