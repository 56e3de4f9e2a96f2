/** The sessions of one engine process, by model: load, run, unload. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ModelError } from '../../errors.ts';
import { passGate } from '../../gate/static-gate.ts';
import type { ChildAnswer, ChildRequest } from '../child/framing.ts';
import type { OrtRuntime, OrtSession } from './ort-runtime.ts';
import { runtimeFault } from './runtime-fault.ts';
import { fromOrt, specOf, toOrt } from './tensor-conversion.ts';

type LoadRequest = Extract<ChildRequest, { type: 'load' }>;
type InferRequest = Extract<ChildRequest, { type: 'infer' }>;

export class ModelSessions {
  readonly #runtime: OrtRuntime;
  readonly #sessions = new Map<string, OrtSession>();

  constructor(runtime: OrtRuntime) {
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

  /**
   * The digest is checked here again: between verification and this read the file may have changed. The gate is here too: it sees
   * the very bytes the runtime gets, and its work is off the event loop of the agent.
   */
  async #load({ id, model, path, sha256, gate }: LoadRequest): Promise<ChildAnswer> {
    const bytes = await readFile(path);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256)
      throw new ModelError('BUNDLE_DIGEST_MISMATCH', `${path} changed after it was verified`);
    passGate(bytes, gate);
    const session = await this.#runtime.createSession(bytes);
    this.#sessions.set(model, session);
    return {
      type: 'loaded',
      id,
      inputs: session.inputMetadata.map(specOf),
      outputs: session.outputMetadata.map(specOf),
    };
  }

  async #infer({ id, model, inputs, outputs }: InferRequest): Promise<ChildAnswer> {
    const session = this.#sessions.get(model);
    if (session === undefined) throw new ModelError('MODEL_CLOSED', `No model ${model} in this process`);
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [name, toOrt(this.#runtime, name, tensor)]),
    );
    const startedAt = performance.now();
    const results = await session.run(feeds, outputs);
    const elapsedMs = performance.now() - startedAt;
    const converted = Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
    return { type: 'inferred', id, outputs: converted, elapsedMs };
  }
}
