/** A light simulated device: the whole protocol on a raw socket, cheap enough for thousands in one process. */
import {
  clockOffset,
  decodeFrame,
  encodeBatch,
  replySchema,
  timeReplySchema,
  topics,
  type Batch,
  type Birth,
  type ClockState,
  type CommandOutcome,
  type DownTopic,
  type JsonObject,
  type Lane,
  type PriorityClass,
  type RecordKind,
  type RecordOfKind,
  type ReportedTwin,
} from '@shoal/protocol';
import type { DeviceClock } from './faults/clock.ts';
import { answerCommand, answerDesiredTwin, type LightTwin } from './light/light-answers.ts';
import { openLightSession, type LightSession } from './light/light-session.ts';
import { LightUpdate, type LightModel, type UpdateProfile } from './light/light-update.ts';
import { MemoryOutbox, type OutboxMessage, type RecordBody } from './light/memory-outbox.ts';
import { hexDigits, uniform, type Random } from './seeded-random.ts';

/** Records as a device decided to send them. */
export interface Production<K extends RecordKind = RecordKind> {
  readonly deviceId: string;
  readonly epoch: string;
  readonly kind: K;
  readonly class: PriorityClass;
  readonly lane: Lane;
  readonly records: readonly RecordOfKind[K][];
}

/** A model that a light device says it runs, and how its updates go. */
export interface LightUpdates {
  readonly model: LightModel;
  readonly profile: UpdateProfile;
  /** sha256 of a packed bundle → sha256 of its manifest. */
  readonly digestOf: (sha256: string) => string | undefined;
  /** Of one state, on average. */
  readonly stepMs: number;
}

export interface LightDeviceOptions {
  readonly deviceId: string;
  readonly host: string;
  readonly port: number;
  readonly clock: DeviceClock;
  readonly random: Random;
  /** Messages on the wire at once. */
  readonly inFlightLimit?: number;
  /** First wait after a lost connection; doubles up to `longestBackoffMs`, with full jitter. */
  readonly shortestBackoffMs?: number;
  readonly longestBackoffMs?: number;
  /** Before anything is sent: the ledger's truth. */
  readonly onProduced?: (production: Production) => void;
  /** A model that it says it runs, and whose updates it acts out. */
  readonly updates?: LightUpdates;
  /** The server has it. */
  readonly onAcknowledged?: (message: OutboxMessage) => void;
}

export type LightState = 'stopped' | 'waiting' | 'connecting' | 'ready';

const AGENT_VERSION = '0.1.0';
const TICK_MS = 1_000;
const TIME_REQUEST = 'time';

export class LightDevice {
  readonly deviceId: string;
  readonly outbox: MemoryOutbox;
  private readonly options: LightDeviceOptions;
  private readonly update: LightUpdate | undefined;
  private readonly outcomes = new Map<string, CommandOutcome>();
  private readonly startedAt: number;
  private twin: LightTwin = { appliedVersion: 0, reported: {} };
  private clockState: ClockState = { state: 'unsynchronised' };
  private session: LightSession | undefined;
  private current: LightState = 'stopped';
  private failures = 0;
  private retry: NodeJS.Timeout | undefined;
  private ticker: NodeJS.Timeout | undefined;
  private onceClosed: (() => void) | undefined;
  private sentMessages = 0;
  private lostConnections = 0;

  constructor(options: LightDeviceOptions) {
    this.options = options;
    this.deviceId = options.deviceId;
    this.outbox = new MemoryOutbox(hexDigits(options.random, 20));
    this.startedAt = options.clock();
    const { updates } = options;
    this.update =
      updates &&
      new LightUpdate({
        ...updates,
        now: options.clock,
        stepMs: () => uniform(options.random, 0.5, 1.5) * updates.stepMs,
        onNews: () => this.reportUpdate(),
        onDrop: () => this.cut('the update lost it'),
      });
  }

  get state(): LightState {
    return this.current;
  }

  /** Record messages put on the wire, resent ones counted again, and connections lost. */
  get counters(): { readonly sentMessages: number; readonly lostConnections: number } {
    return { sentMessages: this.sentMessages, lostConnections: this.lostConnections };
  }

  /** Connects, and goes on connecting until `stop` or until the signal aborts (which ends without a farewell). */
  start(signal: AbortSignal): void {
    if (this.current !== 'stopped') return;
    signal.addEventListener('abort', () => this.kill('aborted'), { once: true });
    this.ticker = setInterval(() => this.session?.tick(this.isOwedAnAnswer), TICK_MS);
    this.ticker.unref();
    this.connect();
  }

  /** A farewell and DISCONNECT; what is unacknowledged stays in the outbox. Resolves once the connection is closed. */
  async stop(): Promise<void> {
    const { session } = this;
    this.halt();
    if (session === undefined) return;
    const closed = new Promise<void>((resolve) => (this.onceClosed = resolve));
    session.leave();
    await closed;
  }

  /** Ends everything at once, as a power cut would: the broker sends the will. */
  kill(why: string): void {
    this.halt();
    this.session?.destroy(why);
  }

  /** Drops the connection as a bad network would; the device comes back by itself. */
  cut(why: string): void {
    this.session?.destroy(why);
  }

  /** Queues records as one message and sends it when it may. Sequences are given here, once and for ever. */
  produce<K extends RecordKind>(kind: K, priority: PriorityClass, bodies: readonly RecordBody<K>[]): RecordOfKind[K][] {
    const lane: Lane = this.current === 'ready' ? 'live' : 'backlog';
    const records = this.outbox.add(kind, priority, lane, bodies);
    const { deviceId } = this;
    this.options.onProduced?.({ deviceId, epoch: this.outbox.epoch, kind, class: priority, lane, records });
    this.drain();
    return records;
  }

  private halt(): void {
    this.current = 'stopped';
    this.update?.stop();
    clearTimeout(this.retry);
    clearInterval(this.ticker);
  }

  private connect(): void {
    this.current = 'connecting';
    const { deviceId, options } = this;
    const birth: Birth = {
      v: 1,
      state: 'online',
      connectionId: `c-${hexDigits(options.random, 12)}`,
      epoch: this.outbox.epoch,
      agentVersion: AGENT_VERSION,
      hardwareClass: 'light-simulator',
      models: this.update === undefined ? [] : [this.update.model],
      startedAt: this.startedAt,
      twinVersion: this.twin.appliedVersion,
    };
    this.session = openLightSession(
      { host: options.host, port: options.port, deviceId, birth },
      {
        onReady: () => this.welcomed(),
        onAcknowledged: (messageId) => this.acknowledge(messageId),
        onDown: (topic, payload) => this.receive(topic, payload),
        onClosed: () => this.closed(),
      },
    );
  }

  private get isOwedAnAnswer(): boolean {
    return this.current === 'connecting' || this.outbox.inFlight > 0;
  }

  /** The server knows the device: it reports and asks for the time; the first time it waits for that before it sends records. */
  private welcomed(): void {
    const reported = {
      ...this.twin.reported,
      ...this.updateState(),
      agent: { version: AGENT_VERSION },
      health: { state: 'ok', reasons: [] },
      outbox: { depth: this.outbox.depth, sizeBytes: 0, dropped: {} },
    };
    const report: ReportedTwin = { v: 1, appliedVersion: this.twin.appliedVersion, mode: 'whole', reported };
    this.session?.say({ topic: topics.reportedTwin(this.deviceId), body: report });
    const time = { v: 1, requestId: TIME_REQUEST, deadlineMs: 5_000, body: { deviceTime: this.options.clock() } };
    this.session?.say({ topic: topics.request(this.deviceId, 'time'), body: time });
    if (this.clockState.state === 'synchronised') this.ready();
  }

  private ready(): void {
    if (this.current === 'stopped') return;
    this.current = 'ready';
    this.failures = 0;
    this.drain();
  }

  private drain(): void {
    const limit = this.options.inFlightLimit ?? 32;
    while (this.current === 'ready' && this.outbox.inFlight < limit) {
      const next = this.outbox.take();
      if (next === undefined) return;
      const { kind, class: priority, lane, records } = next.message;
      const batch = { v: 1, epoch: this.outbox.epoch, class: priority, lane, records, sentAt: this.options.clock() };
      this.sentMessages += 1;
      const payload = encodeBatch({ ...batch, clock: this.clockState } as Batch);
      this.session?.publish(topics.records(this.deviceId, kind), payload, next.messageId);
    }
  }

  private acknowledge(messageId: number): void {
    const message = this.outbox.acknowledge(messageId);
    if (message === undefined) return;
    this.options.onAcknowledged?.(message);
    this.drain();
  }

  private receive(topic: DownTopic, payload: Uint8Array): void {
    switch (topic.what) {
      case 'reply':
        if (topic.requestId === TIME_REQUEST) this.takeTime(payload);
        break;
      case 'twin': {
        const { twin, updates, answers } = answerDesiredTwin(this.deviceId, this.twin, payload);
        this.twin = twin;
        for (const answer of answers) this.session?.say(answer);
        if (updates !== undefined) this.update?.take(updates);
        break;
      }
      case 'command': {
        const at = this.options.clock();
        const instants = { at, serverNow: at + (this.clockState.offsetMs ?? 0) };
        const { answers, outcome } = answerCommand(this.deviceId, payload, this.outcomes, instants);
        if (outcome !== undefined) this.outcomes.set(outcome.commandId, outcome);
        for (const answer of answers) this.session?.say(answer);
        break;
      }
    }
  }

  /** What it runs and how far its update is, as members of the reported state. */
  private updateState(): JsonObject {
    if (this.update === undefined) return {};
    const { model, report } = this.update;
    const { name, version, digest } = model;
    const models = { [name]: { version, digest, state: 'ready' } };
    // What it no longer says is to go: a report is merged into the one before.
    const whole = report && ({ cause: null, selfTest: null, confirmed: null, ...report } as unknown as JsonObject);
    return { models, ...(whole !== undefined && { updates: { [name]: whole } }) };
  }

  private reportUpdate(): void {
    const { appliedVersion } = this.twin;
    const report: ReportedTwin = { v: 1, appliedVersion, mode: 'patch', reported: this.updateState() };
    this.session?.say({ topic: topics.reportedTwin(this.deviceId), body: report });
  }

  private takeTime(payload: Uint8Array): void {
    const reply = replySchema.safeParse(decodeFrame(payload));
    const time = timeReplySchema.safeParse(reply.data?.body);
    if (time.success) {
      const { offsetMs } = clockOffset(time.data, this.options.clock());
      this.clockState = { state: 'synchronised', offsetMs };
      const { depth } = this.outbox;
      const reported = { clock: { state: 'synchronised', offsetMs }, outbox: { depth, sizeBytes: 0, dropped: {} } };
      const report: ReportedTwin = { v: 1, appliedVersion: this.twin.appliedVersion, mode: 'patch', reported };
      this.session?.say({ topic: topics.reportedTwin(this.deviceId), body: report });
    }
    if (this.current === 'connecting') this.ready();
  }

  private closed(): void {
    this.session = undefined;
    this.outbox.connectionLost();
    this.onceClosed?.();
    if (this.current === 'stopped') return;
    this.lostConnections += 1;
    this.current = 'waiting';
    const { random, shortestBackoffMs = 250, longestBackoffMs = 10_000 } = this.options;
    const ceilingMs = Math.min(longestBackoffMs, shortestBackoffMs * 2 ** this.failures);
    this.failures += 1;
    this.retry = setTimeout(() => this.connect(), uniform(random, 0, ceilingMs));
  }
}
