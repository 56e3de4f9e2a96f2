/**
 * Group commit without a timer: while batches are on their way to the disk, the next one collects. A batch is bounded by
 * the work it makes; beside light traffic heavy ones are cut small, with rests between them, and every turn of the event loop
 * begins with what is light.
 */
import { claimedBytes } from '@shoal/protocol';
import { isLight, type UpMessage } from '../../../ports/device-gateway.ts';
import { BacklogPace } from './backlog-pace.ts';
import { RecordQueue, type BatchBound, type QueuedPublish } from './record-queue.ts';

const BOUND: BatchBound = { messages: 1_000, bytes: 262_144 };
/** One is being committed while the other is being decoded or waits to join the next transaction. */
const IN_FLIGHT = 2;
/** Of heavy messages beside light traffic: one message of an agent, or about 1 ms of work, one slice after the other. */
const SLICE: BatchBound = { messages: 1_000, bytes: 16_384 };
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
  readonly #pace = new BacklogPace();
  #scheduled = false;
  /** A timer of `#isRested` runs. */
  #isResting = false;
  #lightAt = -Infinity;

  /** `now`: milliseconds of a clock that never steps. */
  constructor(handle: BatchHandler, now: () => number) {
    this.#handle = handle;
    this.#now = now;
  }

  /** Whether light messages come in. */
  get hasTraffic(): boolean {
    return this.#now() - this.#lightAt < TRAFFIC_MS;
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
      else if (this.#mayTakeHeavy()) void this.#run('heavy', this.#queue.takeHeavy(this.hasTraffic ? SLICE : BOUND));
      this.#schedule();
    });
  }

  #mayTakeLight(): boolean {
    return this.#queue.hasLight && this.#inFlight.light < IN_FLIGHT;
  }

  #mayTakeHeavy(): boolean {
    if (!this.#queue.hasHeavy) return false;
    if (!this.hasTraffic) return this.#inFlight.heavy < IN_FLIGHT;
    return this.#inFlight.heavy === 0 && this.#isRested();
  }

  /** When it is not, it is looked at again when it is. */
  #isRested(): boolean {
    const restMs = this.#pace.restMs(this.#now());
    if (restMs === 0) return true;
    if (!this.#isResting) {
      this.#isResting = true;
      setTimeout(() => {
        this.#isResting = false;
        this.#schedule();
      }, restMs);
    }
    return false;
  }

  async #run(weight: 'light' | 'heavy', batch: readonly Waiting[]): Promise<void> {
    this.#inFlight[weight] += 1;
    const startedAt = this.#now();
    try {
      const records = await this.#handle(batch.map((waiting) => waiting.message));
      for (const [index, waiting] of batch.entries()) waiting.settle(null, records[index] ?? 0);
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error));
      for (const waiting of batch) waiting.settle(cause, 0);
    } finally {
      this.#inFlight[weight] -= 1;
      if (weight === 'heavy') {
        this.#queue.settled(batch);
        this.#pace.worked(this.#now() - startedAt, this.#now());
      }
      this.#schedule();
    }
  }
}
