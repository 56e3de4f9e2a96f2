/** The sessions of one engine process, by model: load, run, unload. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ModelError } from '../../errors.ts';
import type { ChildAnswer, ChildFile, ChildRequest } from '../child/framing.ts';
import { answerBytes } from './answer-bytes.ts';
import type { ModelRuntime, ModelSession } from './model-runtime.ts';
import { runtimeFault } from './runtime-fault.ts';

type LoadRequest = Extract<ChildRequest, { type: 'load' }>;
type InferRequest = Extract<ChildRequest, { type: 'infer' }>;

/** Reads once and checks the digest again: between verification and this read the file may have changed. */
const readVerified = async ({ path, sha256 }: ChildFile): Promise<Uint8Array> => {
  const bytes = await readFile(path);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new ModelError('BUNDLE_DIGEST_MISMATCH', `${path} changed after it was verified`);
  return bytes;
};

export class ModelSessions {
  readonly #runtime: ModelRuntime;
  readonly #sessions = new Map<string, ModelSession>();

  constructor(runtime: ModelRuntime) {
    this.#runtime = runtime;
  }

  /** Every failure is an answer. */
  async answer(request: ChildRequest): Promise<ChildAnswer> {
    try {
      return await this.#serve(request);
    } catch (error) {
      const { code, message } = runtimeFault(
        error,
        request.type === 'infer' ? 'MODEL_RUN_FAILED' : 'MODEL_LOAD_FAILED',
      );
      return { type: 'failed', id: request.id, code, message };
    }
  }

  async #serve(request: ChildRequest): Promise<ChildAnswer> {
    switch (request.type) {
      case 'load':
        return this.#load(request);
      case 'infer':
        return this.#infer(request);
      case 'unload':
        await this.#sessions.get(request.model)?.release();
        this.#sessions.delete(request.model);
        return { type: 'unloaded', id: request.id };
    }
  }

  async #load({ id, model, manifest, path, sha256, weights: files }: LoadRequest): Promise<ChildAnswer> {
    const bytes = await readVerified({ path, sha256 });
    const weights = new Map<string, Uint8Array>();
    for (const file of files) weights.set(file.name, await readVerified(file));
    const session = await this.#runtime.load({ manifest, model: bytes, weights });
    this.#sessions.set(model, session);
    const { inputs, outputs, runtime } = session;
    return { type: 'loaded', id, inputs, outputs, runtime };
  }

  async #infer({ id, model, inputs, outputs, maxAnswerBytes }: InferRequest): Promise<ChildAnswer> {
    const session = this.#sessions.get(model);
    if (session === undefined) throw new ModelError('MODEL_CLOSED', `No model ${model} in this process`);
    const answer = await session.run(inputs, outputs);
    const bytes = answerBytes(answer.outputs);
    if (bytes > maxAnswerBytes)
      throw new ModelError('OUTPUT_TOO_LARGE', `The model answered ${bytes} bytes, at most ${maxAnswerBytes} here`);
    return { type: 'inferred', id, ...answer };
  }
}
