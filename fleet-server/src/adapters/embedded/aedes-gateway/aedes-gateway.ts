/** The device gateway on Aedes: sockets, sessions, access, and the way down to devices and third parties. */
import type { AddressInfo, Server, Socket } from 'node:net';
import type { AedesPublishPacket, Client, PublishPacket, Subscription } from 'aedes';
import type { Logger } from 'pino';
import type { MqttConfig } from '../../../config-schema.ts';
import { FleetError } from '../../../errors.ts';
import type { Authenticator } from '../../../ports/authenticator.ts';
import type { Clock } from '../../../ports/clock.ts';
import { DeviceGateway, UP, type ConnectionChange, type OutMessage } from '../../../ports/device-gateway.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import { UNNAMED, admit, newSession, type Credentials } from './admission.ts';
import { CleanPersistence } from './clean-persistence.ts';
import { DeviceBroker } from './device-broker.ts';
import { DurableAck, type UpwardSink } from './durable-ack.ts';
import { FrameScanner, guardSocket } from './frame-guard.ts';
import { FrontDoor } from './front-door.ts';
import { InboundBudget } from './inbound-budget.ts';
import { listenForMqtt } from './mqtt-listener.ts';
import { outPacket } from './out-packet.ts';
import { SerialLanes } from './serial-lanes.ts';
import { SessionRegistry, isSubscribed, type Session } from './session-registry.ts';

/** Concurrent deliveries in the whole broker; Aedes' own default of 100 makes subscribers wait for each other. */
const CONCURRENCY = 1_000;
/** Unsent bytes above which a third party loses live messages instead of delaying everybody's. */
const SLOW_SUBSCRIBER_BYTES = 1_048_576;
const DRAIN_ON_STOP_MS = 5_000;

interface Collaborators {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
}

export class AedesGateway extends DeviceGateway {
  readonly #config: MqttConfig;
  readonly #with: Collaborators;
  readonly #sessions = new SessionRegistry();
  readonly #lanes: SerialLanes;
  readonly #budget: InboundBudget;
  readonly #door: FrontDoor;
  readonly #unnamed = new WeakSet<Client>();
  readonly #scanners = new WeakMap<object, FrameScanner>();
  #broker: DeviceBroker | undefined;
  #server: Server | undefined;
  #sink: UpwardSink | undefined;
  #acks: DurableAck | undefined;
  #lastSocketId = 0;
  #stopping = false;

  constructor(config: MqttConfig, collaborators: Collaborators) {
    super();
    this.#config = config;
    this.#with = collaborators;
    this.#budget = new InboundBudget(config.inboundBudgetBytes, collaborators.metrics);
    this.#door = new FrontDoor({
      enter: (socket) => this.#enter(socket),
      hasTraffic: () => this.#acks?.hasTraffic === true,
      told: (waiting) => collaborators.metrics.gauge('connections_waiting', waiting),
    });
    this.#lanes = new SerialLanes((error) => collaborators.log.error({ err: error }, 'a connection handler failed'));
  }

  /** Bytes of publishes that wait for their acknowledgement. */
  get heldBytes(): number {
    return this.#budget.heldBytes;
  }

  /** @throws FleetError LISTEN_FAILED */
  async start(sink: UpwardSink): Promise<void> {
    this.#sink = sink;
    this.#acks = new DurableAck(sink, { ...this.#with, budget: this.#budget });
    this.#broker = this.#createBroker();
    await this.#broker.listen();
    this.#server = await listenForMqtt(this.#config, {
      accept: (socket) => this.#door.knock(socket),
      dropped: () => this.#with.metrics.count('refusals_total', 1, { code: 'TOO_MANY_CONNECTIONS' }),
    });
  }

  /** Stops reading, lets what was read be stored and acknowledged, then closes every connection. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#server?.close();
    this.#door.close();
    const deadline = this.#with.clock.monotonic() + DRAIN_ON_STOP_MS;
    while (this.#budget.heldBytes > 0 && this.#with.clock.monotonic() < deadline) await turn();
    const broker = this.#broker;
    if (broker !== undefined) await new Promise<void>((resolve) => broker.close(() => resolve()));
    await this.#lanes.settled();
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? 0;
  }

  override async send(deviceId: string, topic: string, payload: Uint8Array): Promise<boolean> {
    const session = this.#sessions.device(deviceId);
    if (session === undefined || session.client.closed || !isSubscribed(session, topic)) return false;
    await new Promise<void>((resolve) => {
      session.client.publish(outPacket({ topic, payload, qos: 1, retain: false }), () => resolve());
    });
    return !session.client.closed;
  }

  override isOpen(): boolean {
    return this.#broker !== undefined && !this.#stopping;
  }

  override async publish(message: OutMessage): Promise<void> {
    const broker = this.#broker;
    if (broker === undefined || this.#stopping) return;
    await new Promise<void>((resolve) => broker.publish(outPacket(message), () => resolve()));
  }

  override hasPublicSubscribers(): boolean {
    return this.#sessions.hasListeners;
  }

  override isConnected(deviceId: string): boolean {
    return this.#sessions.device(deviceId) !== undefined;
  }

  override connectionCount(): number {
    return this.#sessions.deviceCount;
  }

  override async disconnect(deviceId: string, why: string): Promise<void> {
    const session = this.#sessions.device(deviceId);
    if (session === undefined) return;
    session.endingBecause = why;
    await new Promise<void>((resolve) => session.client.close(resolve));
  }

  #createBroker(): DeviceBroker {
    const broker = new DeviceBroker({
      concurrency: CONCURRENCY,
      connectTimeout: this.#config.connectTimeoutMs,
      drainTimeout: this.#config.drainTimeoutMs,
      persistence: new CleanPersistence(),
      preConnect: (client, packet, done) => {
        if (packet.clientId === '' && packet.clean !== true) this.#unnamed.add(client);
        // Sessions end with their connection; CONNACK then says "no session present" [MQTT-3.2.2-1].
        packet.clean = true;
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        this.#authenticate(client, { username, password }).then(
          (refusal) => done(refusal as Parameters<typeof done>[0], refusal === null),
          (error: unknown) => done(Object.assign(new Error(String(error)), { returnCode: 3 }), false),
        );
      },
      authorizePublish: (client, packet, done) => this.#authorizePublish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => done(null, this.#authorizeSubscribe(client, subscription)),
      authorizeForward: (client, packet) => this.#authorizeForward(client, packet),
    });
    broker.on('client', (client) => this.#register(client));
    broker.on('connackSent', (_connack, client) => this.#scanners.get(client.conn)?.connected());
    broker.on('subscribe', (subscriptions, client) => this.#subscribed(client, subscriptions));
    broker.on('unsubscribe', (filters, client) => this.#unsubscribed(client, filters));
    broker.on('clientError', (client, error) => this.#failed(client, error));
    broker.on('connectionError', (client, error) => this.#failed(client, error));
    return broker;
  }

  #enter(socket: Socket): void {
    const scanner = new FrameScanner();
    guardSocket(socket, {
      scanner,
      mayRead: (reader, hadPart) => (this.#stopping ? 0 : this.#budget.mayRead(reader, hadPart)),
      onRefusal: () => {
        this.#with.metrics.count('refusals_total', 1, { code: 'FRAME_REFUSED' });
        this.#with.log.warn({ code: 'FRAME_REFUSED', remote: socket.remoteAddress }, 'a frame over the bound');
      },
    });
    this.#scanners.set(socket, scanner);
    socket.once('close', () => this.#budget.forget(socket));
    this.#broker?.handle(socket);
  }

  async #authenticate(client: Client, credentials: Credentials): Promise<Error | null> {
    const isUnnamed = this.#unnamed.has(client);
    const entry = isUnnamed ? UNNAMED : await admit(this.#with.authenticator, client, credentials);
    if (!entry.ok) {
      const refusal = this.#acks?.refuse(undefined, entry.code, entry.reason) ?? new Error('refused');
      return Object.assign(refusal, { returnCode: entry.returnCode });
    }
    this.#lastSocketId += 1;
    this.#sessions.introduce(
      newSession(client, { principal: entry.principal, socketId: this.#lastSocketId }, this.#with.clock.monotonic()),
    );
    return null;
  }

  #register(client: Client): void {
    const session = this.#sessions.of(client);
    if (session === undefined) return;
    const older = this.#sessions.register(session);
    if (older !== undefined) {
      this.#with.metrics.count('connection_takeovers_total');
      older.endingBecause = 'the same device id connected again';
      older.client.close();
    }
    this.#with.metrics.count('connections_total', 1, { kind: session.principal.kind });
    this.#with.metrics.gauge('connections', this.#sessions.size);
    client.conn.once('close', () => this.#ended(session));
    this.#announce(UP.connected, session, 'connected');
  }

  #ended(session: Session): void {
    this.#sessions.remove(session);
    const farewell = (session.client as { _disconnected?: boolean })._disconnected === true;
    const why = this.#stopping
      ? 'the server stopped'
      : (session.endingBecause ?? (farewell ? 'the device said goodbye' : 'the connection was lost'));
    const reason = session.endingBecause !== undefined ? 'closed' : farewell ? 'goodbye' : 'lost';
    this.#with.metrics.count('connections_closed_total', 1, { reason: this.#stopping ? 'stopping' : reason });
    this.#with.metrics.gauge('connections', this.#sessions.size);
    this.#announce(UP.disconnected, session, why);
  }

  #failed(client: Client, error: Error): void {
    const session = this.#sessions.of(client);
    if (session !== undefined) session.endingBecause ??= error.message;
    if (error instanceof FleetError) return;
    this.#with.metrics.count('refusals_total', 1, { code: 'MQTT_PROTOCOL_ERROR' });
    this.#with.log.debug({ err: error, principal: session?.principal.id }, 'a connection failed');
  }

  #authorizePublish(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const session = this.#sessions.of(client);
    if (session === undefined || this.#acks === undefined) {
      done(new FleetError('UNAUTHENTICATED', 'A publish of a connection that was never authenticated.'));
      return;
    }
    // The server decides what is retained; [MQTT-3.3.1-5] is answered from its tables.
    packet.retain = false;
    // While the server stops, the wills it provokes itself tell nothing about devices.
    if (this.#stopping && client?.closed === true) done(null);
    else this.#acks.accept(session, packet, done);
  }

  #authorizeSubscribe(client: Client, subscription: Subscription): Subscription | null {
    const session = this.#sessions.of(client);
    if (session !== undefined && this.#with.authenticator.maySubscribe(session.principal, subscription.topic)) {
      return subscription;
    }
    this.#acks?.refuse(session, 'FILTER_FORBIDDEN', `filter "${subscription.topic.slice(0, 80)}" is not allowed`);
    return null;
  }

  /** Asked for every delivery, so that a right that was taken away ends at once. */
  #authorizeForward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const session = this.#sessions.of(client);
    if (session === undefined || !this.#with.authenticator.maySubscribe(session.principal, packet.topic)) return null;
    if (packet.qos === 0 && (client.conn as Socket).writableLength > SLOW_SUBSCRIBER_BYTES) {
      this.#with.metrics.count('live_dropped_total');
      return null;
    }
    return packet;
  }

  #subscribed(client: Client, subscriptions: readonly Subscription[]): void {
    const session = this.#sessions.of(client);
    if (session === undefined) return;
    // [MQTT-3.9.3-2] 0x80 is a refusal.
    const granted = subscriptions.filter((subscription) => (subscription.qos as number) !== 0x80);
    if (granted.length === 0) return;
    this.#sessions.subscribed(
      session,
      granted.map((subscription) => subscription.topic),
    );
    this.#announce(UP.subscribed, session, 'subscribed');
  }

  #unsubscribed(client: Client, filters: readonly string[]): void {
    const session = this.#sessions.of(client);
    if (session !== undefined) this.#sessions.unsubscribed(session, filters);
  }

  /** Changes of one device are told in order, one at a time. */
  #announce(pattern: string, session: Session, why: string): void {
    if (session.principal.kind !== 'device') return;
    const change: ConnectionChange = {
      deviceId: session.principal.id,
      socketId: session.socketId,
      remoteAddress: session.remoteAddress,
      at: this.#with.clock.now(),
      why,
    };
    this.#lanes.run(session.principal.id, async () => this.#sink?.single(pattern, change));
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
