/** Decodes large batches in a thread of their own: inflating and parsing megabytes must not hold the event loop. */
import { Worker } from 'node:worker_threads';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ProtocolError, claimedBytes, type Batch, type DecodeTally, type RecordKind } from '@shoal/protocol';
import type { DecodeAnswer, DecodeRequest } from './decode-thread.ts';

/** JSON bytes above which a payload is not decoded on the event loop: about 2 ms of work. */
const HEAVY_BYTES = 98_304;
/** Compressed bytes that are heavy whatever their trailer claims. */
const HEAVY_COMPRESSED_BYTES = 24_576;
const GZIP_MAGIC = 0x1f;

/** Who lies about the length of compressed content hits the bound of the inflater. */
export const isHeavy = (payload: Uint8Array): boolean =>
  claimedBytes(payload) > HEAVY_BYTES || (payload[0] === GZIP_MAGIC && payload.length > HEAVY_COMPRESSED_BYTES);

interface Pending {
  readonly tally: DecodeTally;
  readonly resolve: (batch: Batch) => void;
  readonly reject: (error: Error) => void;
}

const IS_SOURCE = import.meta.url.endsWith('.ts');

@Injectable()
export class HeavyDecoder implements OnApplicationShutdown {
  private readonly pending = new Map<number, Pending>();
  private worker: Worker | undefined;
  private lastId = 0;

  /**
   * The thread starts with the first heavy payload.
   * @throws ProtocolError as `decodeBatch` does
   */
  decode(kind: RecordKind, payload: Uint8Array, tally: DecodeTally): Promise<Batch> {
    const worker = (this.worker ??= this.spawn());
    this.lastId += 1;
    const request: DecodeRequest = { id: this.lastId, kind, payload };
    return new Promise((resolve, reject) => {
      this.pending.set(request.id, { tally, resolve, reject });
      worker.postMessage(request);
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.worker?.terminate();
  }

  private spawn(): Worker {
    const url = new URL(`./decode-thread${IS_SOURCE ? '.ts' : '.js'}`, import.meta.url);
    const worker = new Worker(url, { execArgv: IS_SOURCE ? ['--conditions=source'] : [] });
    worker.unref();
    worker.on('message', (answer: DecodeAnswer) => this.settle(answer));
    worker.on('error', (error: Error) => this.fail(error));
    worker.on('exit', () => this.fail(new Error('the decoding thread ended')));
    return worker;
  }

  private settle(answer: DecodeAnswer): void {
    const pending = this.pending.get(answer.id);
    this.pending.delete(answer.id);
    if (pending === undefined) return;
    if ('batch' in answer) {
      pending.tally.unknownFields += answer.unknownFields;
      pending.resolve(answer.batch);
    } else if ('code' in answer) pending.reject(new ProtocolError(answer.code, answer.message));
    else pending.reject(new Error(answer.message));
  }

  /** The next heavy payload starts a new thread. */
  private fail(error: Error): void {
    this.worker = undefined;
    for (const pending of this.pending.values()) pending.reject(error);
    this.pending.clear();
  }
}
