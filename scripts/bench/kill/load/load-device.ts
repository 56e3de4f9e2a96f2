/** A device that keeps some messages in flight, sends again what was not acknowledged, and remembers every acknowledgement. */
import { topics } from '@shoal/protocol';
import { FIRST_MESSAGE_ID, LoadConnection } from './load-connection.ts';
import { kindOf, loadDeviceId, payloadOf, sequencesOf, type LoadIdentity } from './load-records.ts';

export interface LoadDeviceOptions {
  readonly identity: LoadIdentity;
  readonly port: number;
  /** Messages in flight or about to be made. */
  readonly window: number;
  /** Mean pause between an acknowledgement and the next message, exponentially distributed. */
  readonly thinkMs: number;
  /** Never makes more than this many. */
  readonly maxMessages: number;
  readonly random: () => number;
}

/** Which message each packet id of one connection stood for: packet id → message, from index `FIRST_MESSAGE_ID`. */
export interface ConnectionLog {
  readonly device: number;
  readonly localPort: number;
  readonly messages: readonly number[];
}

interface LiveConnection {
  readonly link: LoadConnection;
  readonly inFlight: Map<number, number>;
  readonly messages: number[];
  localPort: number;
  isReady: boolean;
}

/** Already acknowledged messages sent once more after a reconnection, as a device does whose acknowledgement was lost. */
const REDELIVERED = 3;
const RECONNECT_MS = 60;

export class LoadDevice {
  /** Messages acknowledged since the last report, in order. */
  readonly acknowledged: number[] = [];
  readonly connections: ConnectionLog[] = [];
  /** Messages in flight when a connection was lost. */
  inFlightAtLoss = 0;
  /** Births answered with less than had been acknowledged. */
  regressions = 0;
  private readonly options: LoadDeviceOptions;
  private readonly unacknowledged = new Set<number>();
  private readonly recent: number[] = [];
  private connection: LiveConnection | undefined;
  private lastMessage = 0;
  private connectCount = 0;
  private highestAcknowledged = 0;
  private isProducing = true;
  private isStopped = false;

  constructor(options: LoadDeviceOptions) {
    this.options = options;
  }

  start(): void {
    const { identity, port } = this.options;
    this.connectCount += 1;
    const link = new LoadConnection({
      port,
      deviceId: loadDeviceId(identity.index),
      connectionId: `c-${identity.index}-${this.connectCount}`,
      epoch: identity.epoch,
      onReady: (highest) => this.resume(live, highest),
      onAcknowledged: (messageId) => this.acknowledge(live, messageId),
      onClosed: () => this.lose(live),
    });
    const live: LiveConnection = { link, inFlight: new Map(), messages: [], localPort: 0, isReady: false };
    this.connection = live;
    link.start();
  }

  /** Makes nothing new from now on; what is not acknowledged is still sent. */
  drain(): void {
    this.isProducing = false;
  }

  stop(): void {
    this.isStopped = true;
    this.connection?.link.stop();
  }

  get waiting(): number {
    return this.unacknowledged.size;
  }

  get isReady(): boolean {
    return this.connection?.isReady ?? false;
  }

  get inFlight(): number {
    return this.connection?.inFlight.size ?? 0;
  }

  private resume(live: LiveConnection, highestSequence: number): void {
    if (highestSequence < this.highestAcknowledged) this.regressions += 1;
    live.isReady = true;
    live.localPort = live.link.localPort ?? 0;
    this.connections.push({ device: this.options.identity.index, localPort: live.localPort, messages: live.messages });
    const again = this.connectCount > 1 ? [...this.recent, ...this.unacknowledged] : [...this.unacknowledged];
    for (const message of again) this.send(live, message, 'backlog');
    for (let slot = again.length; slot < this.options.window; slot += 1) this.produceLater(live);
  }

  private produceLater(live: LiveConnection): void {
    const pauseMs = -Math.log(1 - this.options.random()) * this.options.thinkMs;
    setTimeout(() => this.produce(live), pauseMs);
  }

  private produce(live: LiveConnection): void {
    if (!this.isProducing || this.connection !== live || this.lastMessage >= this.options.maxMessages) return;
    this.lastMessage += 1;
    this.unacknowledged.add(this.lastMessage);
    this.send(live, this.lastMessage, 'live');
  }

  private send(live: LiveConnection, message: number, lane: 'live' | 'backlog'): void {
    const { identity } = this.options;
    const messageId = FIRST_MESSAGE_ID + live.messages.length;
    live.messages.push(message);
    live.inFlight.set(messageId, message);
    const topic = topics.records(loadDeviceId(identity.index), kindOf(sequencesOf(message)[0] ?? 1));
    live.link.publish(topic, payloadOf(identity, message, lane), messageId);
  }

  private acknowledge(live: LiveConnection, messageId: number): void {
    const message = live.inFlight.get(messageId);
    live.inFlight.delete(messageId);
    if (message === undefined) return;
    if (this.unacknowledged.delete(message)) {
      this.acknowledged.push(message);
      this.highestAcknowledged = Math.max(this.highestAcknowledged, sequencesOf(message).at(-1) ?? 0);
      this.recent.push(message);
      if (this.recent.length > REDELIVERED) this.recent.shift();
    }
    if (live.inFlight.size < this.options.window) this.produceLater(live);
  }

  private lose(live: LiveConnection): void {
    this.inFlightAtLoss += live.inFlight.size;
    live.inFlight.clear();
    live.isReady = false;
    this.connection = undefined;
    if (!this.isStopped) setTimeout(() => this.start(), RECONNECT_MS * (0.5 + this.options.random()));
  }
}
