/**
 * Sends what the outbox holds while there is a connection. One loop reads and publishes, so that batches leave in the
 * order they were read; MQTT keeps that order on a connection. Many may be in flight: when the connection ends, all that
 * is unacknowledged is sent again on the next one, in sequence order, and the server recognises what it has.
 */
import { topics, type ClockState, type PriorityClass } from '@shoal/protocol/wire';
import { AgentError, sentenceOf } from '../errors.ts';
import type { Clock, Logger } from '../runtime.ts';
import type { FleetConnection, LinkParticipant } from '../uplink/fleet-link.port.ts';
import { AckWatch } from './ack-watch.ts';
import { packBatches, type PackedBatch } from './batch-packer.ts';
import { advance, chooseLane, demoteStale, planAtConnect, type LaneChoice, type LanePlan } from './lane-plan.ts';
import { LiveMarks } from './live-marks.ts';
import type { Outbox } from './outbox.port.ts';
import { TokenBucket } from './token-bucket.ts';
import { WakeUp } from './wake-up.ts';

export interface DrainerOptions {
  readonly deviceId: string;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly clockState: () => ClockState;
  /** Longest time a committed live record waits for company; alarms never wait. May change while running. */
  readonly maxDelayMs: () => number;
  readonly maxInFlight: number;
  readonly batchRecords: number;
  /** Of record content, before compression. */
  readonly batchBytes: number;
  readonly backlogRecordsPerSecond: number;
  /** Live records that waited longer than this for their turn are sent as backlog. */
  readonly maxLiveAgeMs: number;
  /** Without an acknowledgement of the oldest message under way for longer the connection ends. */
  readonly ackTimeoutMs: number;
}

/** What is sent over one connection; thrown away with it. */
class DrainRun {
  readonly #options: DrainerOptions;
  readonly #connection: FleetConnection;
  readonly #bucket: TokenBucket;
  readonly #wakeUp = new WakeUp();
  readonly #epoch: string;
  #plan: LanePlan;
  #over = false;
  #liveInARow = 0;
  readonly #marks = new LiveMarks();
  readonly #acks: AckWatch;
  inFlight = 0;
  highestInFlight = 0;

  constructor(options: DrainerOptions, connection: FleetConnection) {
    const { outbox, clock, backlogRecordsPerSecond, batchRecords, maxInFlight } = options;
    this.#options = options;
    this.#connection = connection;
    this.#epoch = outbox.state().epoch;
    this.#acks = new AckWatch(options.ackTimeoutMs, () => this.#giveUpWaiting());
    this.#plan = planAtConnect(outbox.state().lastCommittedSequence);
    this.#bucket = new TokenBucket(backlogRecordsPerSecond, batchRecords * maxInFlight, clock.monotonic());
  }

  /** After a commit. */
  wake(): void {
    const { outbox, clock } = this.#options;
    this.#marks.note(outbox.state().highestByClass, clock.monotonic());
    this.#wakeUp.ring();
  }

  end(): void {
    this.#over = true;
    this.#wakeUp.ring();
  }

  async run(): Promise<void> {
    while (!this.#over) {
      if (this.#options.outbox.state().epoch !== this.#epoch) {
        return this.#connection.renew('the outbox began a new epoch');
      }
      const choice = this.inFlight < this.#options.maxInFlight ? this.#choose() : undefined;
      if (choice === undefined) await this.#wakeUp.sleep(this.#pauseMs());
      else await this.#send(choice);
    }
  }

  #choose(): LaneChoice | undefined {
    const { outbox, clock, maxLiveAgeMs, maxDelayMs } = this.#options;
    const now = clock.monotonic();
    const highest = outbox.state().highestByClass;
    const waiting = [...this.#marks.waitingSince(this.#plan)];
    const stale = waiting.filter(([, since]) => now - since > maxLiveAgeMs).map(([priority]) => priority);
    this.#plan = demoteStale(this.#plan, highest, stale);
    const young = waiting.filter(([priority, since]) => priority !== 'alarm' && now - since < maxDelayMs());
    const resting = new Set(young.map(([priority]) => priority));
    const backlogMay = this.#bucket.delayMs(now) === 0;
    return chooseLane({ plan: this.#plan, highest, resting, backlogMay, liveInARow: this.#liveInARow });
  }

  /** Until something rings, or until the pace or the delay of live records lets more go. */
  #pauseMs(): number {
    if (this.inFlight >= this.#options.maxInFlight) return Infinity;
    const now = this.#options.clock.monotonic();
    const since = [...this.#marks.waitingSince(this.#plan).values()];
    const waits = since.map((at) => at + this.#options.maxDelayMs() - now);
    if (Object.values(this.#plan).some(({ backlog }) => backlog.length > 0)) waits.push(this.#bucket.delayMs(now));
    return Math.max(1, Math.min(Infinity, ...waits));
  }

  async #send(choice: LaneChoice): Promise<void> {
    const { outbox, clock, clockState, batchRecords: maxRecords, batchBytes: maxBytes } = this.#options;
    const { priority, lane } = choice;
    const records = await outbox.read({ ...choice, maxRecords, maxBytes });
    if (this.#over || outbox.state().epoch !== this.#epoch) return;
    this.#plan = advance(this.#plan, choice, records.at(-1)?.sequence ?? null);
    if (records.length === 0) return;
    this.#liveInARow = lane === 'live' ? this.#liveInARow + 1 : 0;
    if (lane === 'backlog') this.#bucket.take(records.length, clock.monotonic());
    const envelope = { epoch: this.#epoch, priority, lane, sentAt: clock.now(), clock: clockState() };
    for (const batch of packBatches(records, envelope)) void this.#publish(batch, priority);
  }

  #giveUpWaiting(): void {
    const message = `Nothing was acknowledged for ${this.#options.ackTimeoutMs} ms; what is under way is sent again.`;
    this.#connection.abort(new AgentError('PUBLISH_UNACKNOWLEDGED', message));
  }

  async #publish(batch: PackedBatch, priority: PriorityClass): Promise<void> {
    const { outbox, deviceId, logger } = this.#options;
    this.inFlight += 1;
    this.highestInFlight = Math.max(this.highestInFlight, this.inFlight);
    this.#acks.sent(batch);
    try {
      await this.#connection.publish(topics.records(deviceId, batch.kind), batch.payload);
      if (outbox.state().epoch === this.#epoch)
        outbox.acknowledge({ priority, first: batch.first, last: batch.last, records: batch.records });
    } catch (error) {
      logger.debug({ why: sentenceOf(error), first: batch.first, last: batch.last }, 'a batch goes back to the outbox');
    } finally {
      this.#acks.settled(batch);
      this.inFlight -= 1;
      this.#wakeUp.ring();
    }
  }
}

export class OutboxDrainer implements LinkParticipant {
  readonly #options: DrainerOptions;
  #run: DrainRun | undefined;
  #highestInFlight = 0;

  constructor(options: DrainerOptions) {
    this.#options = options;
    options.outbox.listen({ committed: () => this.#run?.wake() });
  }

  /** Messages sent and not acknowledged, now and at the most so far. */
  inFlight(): { readonly now: number; readonly highest: number } {
    const highest = Math.max(this.#highestInFlight, this.#run?.highestInFlight ?? 0);
    return { now: this.#run?.inFlight ?? 0, highest };
  }

  online(connection: FleetConnection): void {
    this.offline();
    const run = new DrainRun(this.#options, connection);
    this.#run = run;
    run.run().catch((error: unknown) => {
      this.#options.logger.error({ err: error }, 'draining failed; the connection is made again');
      connection.abort(new AgentError('LINK_LOST', `Draining failed: ${sentenceOf(error)}.`, { cause: error }));
    });
  }

  offline(): void {
    this.#highestInFlight = this.inFlight().highest;
    this.#run?.end();
    this.#run = undefined;
  }
}
