/**
 * Group commit without a timer: while batches are on their way to the disk, the next one collects. A batch is bounded by
 * the work it makes, so that decoding one never holds the event loop for long.
 */
import type { UpMessage } from '../../../ports/device-gateway.ts';

const MESSAGES_PER_BATCH = 1_000;
/** Of JSON, after inflating. */
const BYTES_PER_BATCH = 262_144;
/** One is being committed while the other is being decoded or waits to join the next transaction. */
const BATCHES_IN_FLIGHT = 2;
const GZIP_MAGIC = 0x1f;
const INFLATED_AT_MOST = 2_097_152;

type Settle = (error: Error | null, records: number) => void;

interface Waiting {
  readonly message: UpMessage;
  readonly settle: Settle;
}

/**
 * @returns per message, how many records it held; in the order of the batch
 */
export type BatchHandler = (messages: readonly UpMessage[]) => Promise<readonly number[]>;

/** The gzip trailer says how long the content is; a lie only makes one batch smaller or larger. */
const jsonBytes = (payload: Uint8Array): number => {
  if (payload[0] !== GZIP_MAGIC || payload.length < 18) return payload.length;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return Math.min(view.getUint32(payload.length - 4, true), INFLATED_AT_MOST);
};

export class RecordBatcher {
  readonly #handle: BatchHandler;
  #waiting: Waiting[] = [];
  #first = 0;
  #inFlight = 0;
  #scheduled = false;

  constructor(handle: BatchHandler) {
    this.#handle = handle;
  }

  /** `settle` is called once: without error when the message is on disk. */
  push(message: UpMessage, settle: Settle): void {
    this.#waiting.push({ message, settle });
    this.#schedule();
  }

  /** After the sockets of this turn of the event loop were read. */
  #schedule(): void {
    if (this.#scheduled || this.#inFlight >= BATCHES_IN_FLIGHT || this.#first === this.#waiting.length) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const batch = this.#take();
      this.#inFlight += 1;
      void this.#run(batch);
      this.#schedule();
    });
  }

  #take(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    while (batch.length < MESSAGES_PER_BATCH && bytes < BYTES_PER_BATCH) {
      const next = this.#waiting[this.#first];
      if (next === undefined) break;
      bytes += jsonBytes(next.message.payload);
      batch.push(next);
      this.#first += 1;
    }
    if (this.#first === this.#waiting.length) {
      this.#waiting = [];
      this.#first = 0;
    }
    return batch;
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    try {
      const records = await this.#handle(batch.map((waiting) => waiting.message));
      for (const [index, waiting] of batch.entries()) waiting.settle(null, records[index] ?? 0);
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      for (const waiting of batch) waiting.settle(cause, 0);
    } finally {
      this.#inFlight -= 1;
      this.#schedule();
    }
  }
}
