/**
 * Publishes of records that wait for their batch, across connections. Light ones go first; heavy ones take turns, connection by
 * connection. The messages of one connection stay in order, because acknowledgements must [MQTT-4.6.0-2]: behind a heavy
 * message everything of its connection waits, and no two batches of such a connection are on their way at a time.
 */

export interface QueuedPublish {
  readonly connection: number;
  /** Of JSON, after inflating. */
  readonly bytes: number;
  readonly isLight: boolean;
}

export interface BatchBound {
  readonly messages: number;
  /** The message that passes it is the last. */
  readonly bytes: number;
}

interface Turn<P> {
  readonly waiting: P[];
  isOnItsWay: boolean;
}

export class RecordQueue<P extends QueuedPublish> {
  #light: P[] = [];
  /** Of connections with a heavy message that waits or is on its way. */
  readonly #turns = new Map<number, Turn<P>>();
  /** Connections of which nothing is on its way, in the order of their turns. */
  readonly #ready: number[] = [];

  get hasLight(): boolean {
    return this.#light.length > 0;
  }

  get hasHeavy(): boolean {
    return this.#ready.length > 0;
  }

  push(publish: P): void {
    const turn = this.#turns.get(publish.connection);
    if (turn !== undefined) {
      turn.waiting.push(publish);
      if (turn.waiting.length === 1 && !turn.isOnItsWay) this.#ready.push(publish.connection);
    } else if (publish.isLight) {
      this.#light.push(publish);
    } else {
      this.#turns.set(publish.connection, {
        waiting: [...this.#withdraw(publish.connection), publish],
        isOnItsWay: false,
      });
      this.#ready.push(publish.connection);
    }
  }

  takeLight(bound: BatchBound): P[] {
    return takeFrom(this.#light, bound);
  }

  /** Whole turns of as many connections as there is room for; `settled` must follow. */
  takeHeavy(bound: BatchBound): P[] {
    const batch: P[] = [];
    let bytes = 0;
    while (batch.length < bound.messages && bytes < bound.bytes) {
      const connection = this.#ready.shift();
      const turn = connection === undefined ? undefined : this.#turns.get(connection);
      if (turn === undefined) break;
      const taken = takeFrom(turn.waiting, { messages: bound.messages - batch.length, bytes: bound.bytes - bytes });
      turn.isOnItsWay = true;
      for (const publish of taken) bytes += publish.bytes;
      batch.push(...taken);
    }
    return batch;
  }

  /** What `takeHeavy` gave is stored, or will never be. */
  settled(batch: readonly P[]): void {
    for (const connection of new Set(batch.map((publish) => publish.connection))) {
      const turn = this.#turns.get(connection);
      if (turn === undefined) continue;
      turn.isOnItsWay = false;
      if (turn.waiting.length > 0) this.#ready.push(connection);
      else this.#turns.delete(connection);
    }
  }

  /** Light ones that wait before the first heavy one of their connection wait with it. */
  #withdraw(connection: number): P[] {
    const own = this.#light.filter((publish) => publish.connection === connection);
    if (own.length > 0) this.#light = this.#light.filter((publish) => publish.connection !== connection);
    return own;
  }
}

/** Takes them out. */
const takeFrom = <P extends QueuedPublish>(waiting: P[], bound: BatchBound): P[] => {
  let [count, bytes] = [0, 0];
  for (const publish of waiting) {
    if (count === bound.messages || bytes >= bound.bytes) break;
    count += 1;
    bytes += publish.bytes;
  }
  return waiting.splice(0, count);
};
