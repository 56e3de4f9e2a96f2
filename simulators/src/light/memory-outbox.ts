/** The outbox of a light device: in memory, gone with its process; what waits, what is in flight, what was acknowledged. */
import type { AnyRecord, Lane, PriorityClass, RecordKind, RecordOfKind } from '@shoal/protocol';

/** A record before it has its place in the epoch. */
export type RecordBody<K extends RecordKind> = Omit<RecordOfKind[K], 'sequence'>;

/** Records of one kind, class and lane in ascending sequence: one message. */
export interface OutboxMessage {
  readonly kind: RecordKind;
  readonly class: PriorityClass;
  readonly lane: Lane;
  readonly records: AnyRecord[];
  /** Once on the wire, a message is resent as it was: nothing joins it. */
  wasSent: boolean;
}

/** Message ids go round below the ids that other messages of a device use. */
const HIGHEST_MESSAGE_ID = 0xf0_00;
/** Records that share a message while a device has no connection. */
const BACKLOG_BATCH = 200;

const canJoin = (message: OutboxMessage, other: Omit<OutboxMessage, 'records' | 'wasSent'>, count: number): boolean =>
  !message.wasSent &&
  message.lane === 'backlog' &&
  message.lane === other.lane &&
  message.kind === other.kind &&
  message.class === other.class &&
  message.records.length + count <= BACKLOG_BATCH;

/** First in, first out, so order holds within every class and lane. Unbounded: a light device is never offline for days. */
export class MemoryOutbox {
  readonly epoch: string;
  private readonly waiting: OutboxMessage[] = [];
  private readonly sent = new Map<number, OutboxMessage>();
  private lastSequence = 0;
  private lastMessageId = 0;

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  /** Records not yet acknowledged. */
  get depth(): number {
    const count = (messages: Iterable<OutboxMessage>): number =>
      [...messages].reduce((sum, message) => sum + message.records.length, 0);
    return count(this.waiting) + count(this.sent.values());
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.sent.size === 0;
  }

  /** Messages on the wire. */
  get inFlight(): number {
    return this.sent.size;
  }

  get highestSequence(): number {
    return this.lastSequence;
  }

  /** Gives the bodies their sequences and queues them as one message, or joins them to a waiting backlog message. */
  add<K extends RecordKind>(
    kind: K,
    priority: PriorityClass,
    lane: Lane,
    bodies: readonly RecordBody<K>[],
  ): RecordOfKind[K][] {
    const records = bodies.map((body) => {
      this.lastSequence += 1;
      return { sequence: this.lastSequence, ...body } as unknown as RecordOfKind[K];
    });
    const last = this.waiting.at(-1);
    const message = { kind, class: priority, lane };
    if (last !== undefined && canJoin(last, message, records.length)) last.records.push(...records);
    else this.waiting.push({ ...message, records: [...records], wasSent: false });
    return records;
  }

  /** Takes the oldest waiting message onto the wire. Its message id is free. */
  take(): { readonly messageId: number; readonly message: OutboxMessage } | undefined {
    const message = this.waiting.shift();
    if (message === undefined) return undefined;
    do this.lastMessageId = (this.lastMessageId % HIGHEST_MESSAGE_ID) + 1;
    while (this.sent.has(this.lastMessageId));
    message.wasSent = true;
    this.sent.set(this.lastMessageId, message);
    return { messageId: this.lastMessageId, message };
  }

  /** A PUBACK: the server has it. Undefined when the id is of something else. */
  acknowledge(messageId: number): OutboxMessage | undefined {
    const message = this.sent.get(messageId);
    this.sent.delete(messageId);
    return message;
  }

  /** What was on the wire waits again, before everything else, in its old order. */
  connectionLost(): void {
    this.waiting.unshift(...this.sent.values());
    this.sent.clear();
  }
}
