/**
 * Decodes what is not light in a thread of its own: inflating, parsing and what both leave to collect must not hold up the
 * event loop, through which a backlog then passes as two buffers a message.
 */
import { Worker } from 'node:worker_threads';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ProtocolError, type DecodeTally } from '@shoal/protocol';
import { isLight, type UpMessage } from '../ports/device-gateway.ts';
import { PackedBatch } from '../ports/packed-records/packed-batch.ts';
import type { DecodeAnswer, DecodeRequest } from './decode-thread.ts';
import { receivedOf } from './incoming.ts';

/** Compressed bytes that are heavy whatever their trailer claims. */
const HEAVY_COMPRESSED_BYTES = 8_192;
const GZIP_MAGIC = 0x1f;

/** Who lies about the length of compressed content hits the bound of the inflater. */
export const isHeavy = (payload: Uint8Array): boolean =>
  !isLight(payload) || (payload[0] === GZIP_MAGIC && payload.length > HEAVY_COMPRESSED_BYTES);

interface Pending {
  readonly tally: DecodeTally;
  readonly resolve: (batch: PackedBatch) => void;
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
  decode(message: UpMessage, tally: DecodeTally): Promise<PackedBatch> {
    const worker = (this.worker ??= this.spawn());
    this.lastId += 1;
    // A copy: cloning a part of what was read from the socket would clone all of that.
    const payload = new Uint8Array(message.payload);
    const request: DecodeRequest = { ...receivedOf(message), id: this.lastId, payload };
    return new Promise((resolve, reject) => {
      this.pending.set(request.id, { tally, resolve, reject });
      worker.postMessage(request, [payload.buffer]);
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
    if ('packed' in answer) {
      pending.tally.unknownFields += answer.unknownFields;
      pending.resolve(new PackedBatch(answer.head, answer.packed));
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
