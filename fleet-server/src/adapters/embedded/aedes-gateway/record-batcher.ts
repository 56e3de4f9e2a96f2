/**
 * Group commit without a timer: while batches are on their way to the disk, the next one collects. A batch is bounded by
 * the work it makes, so that decoding one never holds the event loop for long; beside light traffic heavy ones are cut small,
 * and every turn of the event loop begins with what is light.
 */
import { claimedBytes } from '@shoal/protocol';
import { isLight, type UpMessage } from '../../../ports/device-gateway.ts';
import { RecordQueue, type BatchBound, type QueuedPublish } from './record-queue.ts';

const BOUND: BatchBound = { messages: 1_000, bytes: 262_144 };
/** One is being committed while the other is being decoded or waits to join the next transaction. */
const IN_FLIGHT = 2;
/** Of heavy messages beside light traffic: one message of an agent, or about 1 ms of work; the next is decoded while one is committed. */
const SLICE: BatchBound = { messages: 1_000, bytes: 16_384 };
const SLICES_IN_FLIGHT = 3;
/** For so long the last light message stands for more to come. */
const TRAFFIC_MS = 1_000;

type Settle = (error: Error | null, records: number) => void;

interface Waiting extends QueuedPublish {
  readonly message: UpMessage;
  readonly settle: Settle;
}

/**
 * @returns per message, how many records it held; in the order of the batch
 */
export type BatchHandler = (messages: readonly UpMessage[]) => Promise<readonly number[]>;

export class RecordBatcher {
  readonly #handle: BatchHandler;
  readonly #now: () => number;
  readonly #queue = new RecordQueue<Waiting>();
  readonly #inFlight = { light: 0, heavy: 0 };
  #scheduled = false;
  #lightAt = -Infinity;

  /** `now`: milliseconds of a clock that never steps. */
  constructor(handle: BatchHandler, now: () => number) {
    this.#handle = handle;
    this.#now = now;
  }

  /** `settle` is called once: without error when the message is on disk. */
  push(message: UpMessage, settle: Settle): void {
    const { payload, socketId: connection } = message;
    const isOfLight = isLight(payload);
    if (isOfLight) this.#lightAt = this.#now();
    this.#queue.push({ message, settle, connection, bytes: claimedBytes(payload), isLight: isOfLight });
    this.#schedule();
  }

  /** After the sockets of this turn of the event loop were read. */
  #schedule(): void {
    if (this.#scheduled || (!this.#mayTakeLight() && !this.#mayTakeHeavy())) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#mayTakeLight()) void this.#run('light', this.#queue.takeLight(BOUND));
      else if (this.#mayTakeHeavy()) void this.#run('heavy', this.#queue.takeHeavy(this.#isBusy() ? SLICE : BOUND));
      this.#schedule();
    });
  }

  #mayTakeLight(): boolean {
    return this.#queue.hasLight && this.#inFlight.light < IN_FLIGHT;
  }

  #mayTakeHeavy(): boolean {
    return this.#queue.hasHeavy && this.#inFlight.heavy < (this.#isBusy() ? SLICES_IN_FLIGHT : IN_FLIGHT);
  }

  #isBusy(): boolean {
    return this.#now() - this.#lightAt < TRAFFIC_MS;
  }

  async #run(weight: 'light' | 'heavy', batch: readonly Waiting[]): Promise<void> {
    this.#inFlight[weight] += 1;
    try {
      const records = await this.#handle(batch.map((waiting) => waiting.message));
      for (const [index, waiting] of batch.entries()) waiting.settle(null, records[index] ?? 0);
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      for (const waiting of batch) waiting.settle(cause, 0);
    } finally {
      this.#inFlight[weight] -= 1;
      if (weight === 'heavy') this.#queue.settled(batch);
      this.#schedule();
    }
  }
}
