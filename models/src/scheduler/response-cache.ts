/** Optional answers from memory in front of a model: for models that always answer the same to the same. */
import { createHash } from 'node:crypto';
import type { Tensor, Tensors } from '@shoal/protocol/wire';
import { copyTensors, tensorsBytes } from '../engine/check-tensors.ts';
import type { InferOptions, InferResult, ModelHandle, ModelStats } from '../engine/inference-engine.port.ts';
import { ModelError } from '../errors.ts';
import type { SchedulerClock } from './scheduler-clock.ts';

export interface ResponseCacheOptions {
  /** `modelKey` of the bundle: what its answers depend on, weights included. */
  readonly modelSha256: string;
  readonly ttlMs: number;
  /** Of outputs; the least recently used go first. */
  readonly maxBytes: number;
  readonly clock: SchedulerClock;
}

export interface CacheStatistics {
  readonly hits: number;
  /** Answered by the run of another request that asked the same. */
  readonly joined: number;
  readonly misses: number;
  readonly entries: number;
  readonly bytes: number;
}

/** What an entry costs beside its outputs, roughly. */
const ENTRY_BYTES = 512;

interface Entry {
  readonly outputs: Tensors;
  readonly bytes: number;
  readonly expiresAt: number;
}

const bytesOf = (data: Exclude<Tensor['data'], readonly Uint8Array[]>): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/**
 * SHA-256 over the model's digest and, by name, each input's name, datatype, shape and data. Every variable part is preceded by its
 * length, so no two requests have one text; 256 bits, so no two have one key.
 */
export const responseKey = (modelSha256: string, inputs: Tensors): string => {
  const hash = createHash('sha256').update(modelSha256);
  for (const name of Object.keys(inputs).toSorted()) {
    const tensor = inputs[name];
    if (tensor === undefined) continue;
    hash.update(`\n${JSON.stringify([name, tensor.datatype, tensor.shape])}\n`);
    const items = tensor.data instanceof Array ? tensor.data : [bytesOf(tensor.data)];
    for (const item of items) hash.update(`${item.byteLength}:`).update(item);
  }
  return hash.digest('hex');
};

/** The same port as the model behind it. Only answers are kept, never errors. */
export class CachedModel implements ModelHandle {
  readonly #model: ModelHandle;
  readonly #options: ResponseCacheOptions;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #flights = new Map<string, Promise<InferResult | null>>();
  #bytes = 0;
  #hits = 0;
  #joined = 0;
  #misses = 0;

  constructor(model: ModelHandle, options: ResponseCacheOptions) {
    this.#model = model;
    this.#options = options;
  }

  get signature(): ModelHandle['signature'] {
    return this.#model.signature;
  }

  /** `elapsedMs` is 0 for a hit. Who joins a run that fails asks for itself, so nobody is given another's error. */
  async infer(inputs: Tensors, options: InferOptions = {}): Promise<InferResult> {
    const key = responseKey(this.#options.modelSha256, inputs);
    const deadlineAt = this.#options.clock.now() + (options.deadlineMs ?? Infinity);
    let own: Tensors | null = null;
    for (;;) {
      const kept = this.#fresh(key);
      if (kept !== null) {
        this.#hits += 1;
        return { outputs: copyTensors(kept.outputs), elapsedMs: 0 };
      }
      const flight = this.#flights.get(key);
      if (flight === undefined) return this.#lead(key, own ?? inputs, this.#remaining(options, deadlineAt));
      own ??= copyTensors(inputs);
      const shared = await this.#join(flight, this.#remaining(options, deadlineAt));
      if (shared !== null) {
        this.#joined += 1;
        return { outputs: copyTensors(shared.outputs), elapsedMs: shared.elapsedMs };
      }
    }
  }

  stats(): ModelStats {
    return this.#model.stats();
  }

  cacheStatistics(): CacheStatistics {
    const counts = { hits: this.#hits, joined: this.#joined, misses: this.#misses };
    return { ...counts, entries: this.#entries.size, bytes: this.#bytes };
  }

  async close(): Promise<void> {
    this.#entries.clear();
    this.#bytes = 0;
    await this.#model.close();
  }

  async #lead(key: string, inputs: Tensors, options: InferOptions): Promise<InferResult> {
    this.#misses += 1;
    const run = this.#model.infer(inputs, options);
    const flight = run.then(
      (result) => result,
      () => null,
    );
    this.#flights.set(key, flight);
    try {
      const result = await run;
      this.#keep(key, copyTensors(result.outputs));
      return result;
    } finally {
      this.#flights.delete(key);
    }
  }

  /** Waits no longer than the caller does. */
  async #join(flight: Promise<InferResult | null>, { deadlineMs, signal }: InferOptions): Promise<InferResult | null> {
    const left = Promise.withResolvers<never>();
    const withdraw = (): void => left.reject(new ModelError('INFERENCE_CANCELED', 'The request was withdrawn'));
    const late = (): void => left.reject(new ModelError('ENGINE_TIMEOUT', `No answer within ${deadlineMs} ms`));
    if (signal?.aborted === true) withdraw();
    signal?.addEventListener('abort', withdraw, { once: true });
    const disarm = deadlineMs === undefined ? null : this.#options.clock.after(deadlineMs, late);
    try {
      return await Promise.race([flight, left.promise]);
    } finally {
      disarm?.();
      signal?.removeEventListener('abort', withdraw);
    }
  }

  #remaining(options: InferOptions, deadlineAt: number): InferOptions {
    if (options.deadlineMs === undefined) return options;
    return { ...options, deadlineMs: Math.max(0, deadlineAt - this.#options.clock.now()) };
  }

  /** Null when there is none, or none young enough. */
  #fresh(key: string): Entry | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    if (entry.expiresAt <= this.#options.clock.now()) {
      this.#bytes -= entry.bytes;
      return null;
    }
    this.#entries.set(key, entry);
    return entry;
  }

  #keep(key: string, outputs: Tensors): void {
    const bytes = tensorsBytes(outputs) + ENTRY_BYTES;
    if (bytes > this.#options.maxBytes) return;
    this.#entries.set(key, { outputs, bytes, expiresAt: this.#options.clock.now() + this.#options.ttlMs });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#options.maxBytes) return;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
    }
  }
}
