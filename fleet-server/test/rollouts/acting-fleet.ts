/** Rollouts over a real database with devices that act, in one process: the server's memory can be lost at any commit. */
import {
  decodeFrame,
  rolloutDefinitionSchema,
  type Birth,
  type DesiredTwin,
  type Rollout,
  type SignedAssignment,
} from '@shoal/protocol';
import { pino } from 'pino';
import type { z } from 'zod';
import { InProcessBus } from '../../src/adapters/embedded/in-process-bus.ts';
import { PrometheusMetrics } from '../../src/adapters/embedded/prometheus-metrics.ts';
import type { Actor } from '../../src/audit/actor.ts';
import { AuditService, type Recorder } from '../../src/audit/audit.service.ts';
import { BacktestGates } from '../../src/backtests/backtest-gates.service.ts';
import { configSchema } from '../../src/config-schema.ts';
import type { ControlDatabase, Transaction } from '../../src/db/database.ts';
import { DeviceDirectory } from '../../src/devices/device-directory.service.ts';
import { DevicesStore } from '../../src/devices/devices.store.ts';
import { loadRoster } from '../../src/devices/load-roster.store.ts';
import { Clock } from '../../src/ports/clock.ts';
import { DeviceGateway } from '../../src/ports/device-gateway.ts';
import { FleetError } from '../../src/errors.ts';
import { ModelBundles } from '../../src/ports/model-bundles.ts';
import { ModelRegistry, type ModelRelease } from '../../src/ports/model-registry.ts';
import { Director } from '../../src/rollouts/director.service.ts';
import { ObservedDevices } from '../../src/rollouts/observed-devices.service.ts';
import { RolloutCommits } from '../../src/rollouts/rollout-commits.service.ts';
import { RolloutDocuments } from '../../src/rollouts/rollout-documents.service.ts';
import { RolloutEngine } from '../../src/rollouts/rollout-engine.service.ts';
import { RolloutCreation } from '../../src/rollouts/rollout-creation.service.ts';
import { RolloutLoader } from '../../src/rollouts/rollout-loader.service.ts';
import { RolloutReleases } from '../../src/rollouts/rollout-releases.service.ts';
import { RolloutsService } from '../../src/rollouts/rollouts.service.ts';
import { StartGates } from '../../src/rollouts/start-gates.service.ts';
import { Surroundings } from '../../src/rollouts/surroundings.service.ts';
import { ReportedWriter } from '../../src/twins/reported-writer.service.ts';
import { TwinsService } from '../../src/twins/twins.service.ts';
import { ActingDevice, type Profile } from './acting-device.ts';

export const MODEL = 'pump-anomaly';
export const ALICE: Actor = { principal: 'alice', from: null };
export const BOB: Actor = { principal: 'bob', from: null };

const hex = (character: string): string => character.repeat(64);
/** Version → digest. */
export const DIGESTS: ReadonlyMap<string, string> = new Map([
  ['1.0.0', hex('1')],
  ['2.0.0', hex('2')],
  ['3.0.0', hex('3')],
]);

class HandClock extends Clock {
  at = 1_760_000_000_000;
  /** Every look is a millisecond later, as a real clock has it. */
  creeps = false;
  override now(): number {
    if (this.creeps) this.at += 1;
    return this.at;
  }
  override monotonic(): number {
    return this.at;
  }
}

/** Every release there is, signed by nobody: devices that act look at no signature. */
class PlainRegistry extends ModelRegistry {
  override async release(name: string, version: string): Promise<ModelRelease | undefined> {
    const digest = DIGESTS.get(version);
    if (digest === undefined || name !== MODEL) return undefined;
    const releaseCounter = Number(version.split('.')[0]);
    const manifest = { resources: { arch: ['x64'], minimumAgent: '0.1.0' } };
    const target = `models/${name}/${version}/${digest}`;
    return { name, version, target, sha256: digest, lengthBytes: 1_000, releaseCounter, digest, manifest };
  }
  override async signAssignment(signed: SignedAssignment['signed']): Promise<SignedAssignment> {
    return { signed, signatures: [{ keyid: hex('a'), sig: 'b'.repeat(128) }] };
  }
}

/** No rollout of these tests asks for a backtest. */
class NoBundles extends ModelBundles {
  override show(name: string, reference: string): Promise<never> {
    throw new FleetError('MODEL_RELEASE_NOT_FOUND', `No ${name}@${reference}.`);
  }
}

class ActingGateway extends DeviceGateway {
  private readonly devices: ReadonlyMap<string, ActingDevice>;
  constructor(devices: ReadonlyMap<string, ActingDevice>) {
    super();
    this.devices = devices;
  }
  override async send(deviceId: string, topic: string, payload: Uint8Array): Promise<boolean> {
    const device = this.devices.get(deviceId);
    if (device?.isOnline !== true || !topic.endsWith('/down/twin')) return false;
    const { version, desired } = decodeFrame(payload) as DesiredTwin;
    device.desire(version, desired['updates'] as SignedAssignment | undefined);
    return true;
  }
  override isOpen = (): boolean => true;
  override publish = async (): Promise<void> => {};
  override hasPublicSubscribers = (): boolean => false;
  override isConnected = (deviceId: string): boolean => this.devices.get(deviceId)?.isOnline === true;
  override connectionCount = (): number => this.devices.size;
  override disconnect = async (): Promise<void> => {};
}

/** The server is gone at this point. */
export class Killed extends Error {}

/** Ends the server at one of its transactions: before its commit, or after it and before anything else. */
class FusedAudit extends AuditService {
  private readonly fuse: Fuse;
  constructor(database: ControlDatabase, clock: Clock, fuse: Fuse) {
    super(database, clock);
    this.fuse = fuse;
  }
  override async change<T>(work: (transaction: Transaction, record: Recorder) => Promise<T>): Promise<T> {
    this.fuse.left -= 1;
    const isHere = this.fuse.left === 0;
    const result = await super.change(async (transaction, record) => {
      const value = await work(transaction, record);
      if (isHere && this.fuse.when === 'before') throw new Killed();
      return value;
    });
    if (isHere) throw new Killed();
    return result;
  }
}

export interface Fuse {
  /** Transactions until the server ends; infinite: never. */
  left: number;
  when: 'before' | 'after';
}

interface Server {
  readonly directory: DeviceDirectory;
  readonly twins: TwinsService;
  readonly writer: ReportedWriter;
  readonly engine: RolloutEngine;
  readonly rollouts: RolloutsService;
  readonly creation: RolloutCreation;
}

const birthOf = (device: ActingDevice): Birth => ({
  v: 1,
  state: 'online',
  connectionId: 'c-1',
  epoch: '9f86d081884c7d659a2f',
  agentVersion: '0.1.0',
  hardwareClass: Number(device.deviceId.split('-')[1]) % 3 === 0 ? 'raspberry-pi-4' : 'linux-x64',
  models: [{ name: MODEL, ...device.running }],
  startedAt: 1,
  twinVersion: 0,
});

export class ActingFleet {
  readonly devices = new Map<string, ActingDevice>();
  readonly clock = new HandClock();
  /** Nobody acts. */
  isStill = false;
  readonly fuse: Fuse = { left: Number.POSITIVE_INFINITY, when: 'before' };
  private readonly database: ControlDatabase;
  private running: Server | undefined;

  constructor(database: ControlDatabase) {
    this.database = database;
  }

  get server(): Server {
    if (this.running === undefined) throw new Error('The server does not run.');
    return this.running;
  }

  /** Registers devices `d-0`, `d-1` … and starts the server. */
  async start(profiles: readonly Profile[]): Promise<void> {
    for (const profile of profiles) this.add(profile);
    await this.register([...this.devices.values()]);
    await this.restart();
  }

  add(profile: Profile): ActingDevice {
    const device = new ActingDevice(`d-${this.devices.size}`, profile, MODEL, DIGESTS);
    this.devices.set(device.deviceId, device);
    return device;
  }

  async register(devices: readonly ActingDevice[]): Promise<void> {
    const births = devices.map((device) => ({
      deviceId: device.deviceId,
      birth: JSON.stringify(birthOf(device)),
      at: this.clock.now(),
    }));
    await this.database.transaction().execute((transaction) => new DevicesStore().upsertBirths(transaction, births));
  }

  /** A new process over the same tables: memory is empty, and every device that is there connects anew. */
  async restart(): Promise<void> {
    this.fuse.left = Number.POSITIVE_INFINITY;
    const { database, clock } = this;
    const log = pino({ level: 'silent' });
    const metrics = new PrometheusMetrics();
    const audit = new FusedAudit(database, clock, this.fuse);
    const directory = new DeviceDirectory(await loadRoster(database, clock.now()), new InProcessBus(metrics, log));
    const twins = new TwinsService(database, audit, directory, new ActingGateway(this.devices));
    const { rollouts: config } = configSchema.parse({});
    const around = new Surroundings(clock, metrics, log, config);
    const registry = new PlainRegistry();
    const releases = new RolloutReleases(registry);
    const commits = new RolloutCommits(audit, twins, new Director(registry), around);
    const observed = new ObservedDevices(directory, releases, around);
    const gates = new StartGates(new BacktestGates(database, new NoBundles(), around), releases);
    const engine = new RolloutEngine(commits, new RolloutLoader(database), observed, around);
    const rollouts = new RolloutsService(database, engine, new RolloutDocuments(database, engine), gates);
    const creation = new RolloutCreation(audit, engine, releases, around);
    const writer = new ReportedWriter(database, directory);
    this.running = { directory, twins, writer, engine, rollouts, creation };
    const present = [...this.devices.values()].filter(({ isOnline }) => isOnline);
    await Promise.all(present.map((device) => this.connect(device)));
  }

  async connect(device: ActingDevice): Promise<void> {
    const { directory, twins } = this.server;
    device.isOnline = true;
    this.setPresence(device, { kind: 'online', connectionId: 'c-1', socketId: 1, since: this.clock.now() });
    await this.hear(device, true);
    if (directory.find(device.deviceId)) await twins.sendIfDesired(device.deviceId);
  }

  disconnect(device: ActingDevice): void {
    device.isOnline = false;
    this.setPresence(device, {
      kind: 'offline',
      connectionId: 'c-1',
      reason: 'lost',
      why: '',
      since: this.clock.now(),
    });
  }

  /** A second passes: the server has its turn, then every device goes one state further and tells. */
  async round(ms = 1_000): Promise<void> {
    this.clock.at += ms;
    await this.server.engine.tick();
    const present = [...this.devices.values()].filter(({ isOnline }) => isOnline);
    if (!this.isStill) for (const device of present) device.act();
    // Reports that come together share a commit.
    await Promise.all(present.map((device) => this.hear(device, false)));
  }

  /** Rounds until the rollout is in one of the states. @returns rounds; undefined when it never came there */
  async until(rolloutId: string, states: readonly Rollout['state'][], most = 200): Promise<number | undefined> {
    for (let round = 1; round <= most; round += 1) {
      await this.round();
      if (states.includes((await this.show(rolloutId)).state)) return round;
    }
    return undefined;
  }

  show(rolloutId: string): Promise<Rollout> {
    return this.server.rollouts.show(rolloutId);
  }

  async create(over: Partial<z.input<typeof rolloutDefinitionSchema>> = {}): Promise<Rollout> {
    const definition = rolloutDefinitionSchema.parse({ name: 'test', model: MODEL, version: '2.0.0', ...over });
    const { creation } = this.server;
    const { rolloutId } = await creation.create(ALICE, { definition, isStarted: true, idempotencyKey: undefined });
    return this.show(rolloutId);
  }

  versions(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { running } of this.devices.values()) counts[running.version] = (counts[running.version] ?? 0) + 1;
    return counts;
  }

  private setPresence(device: ActingDevice, presence: ReturnType<DeviceDirectory['facts']>['presence']): void {
    this.server.directory.update(device.deviceId, (facts) => ({ ...facts, presence }));
  }

  private async hear(device: ActingDevice, isNew: boolean): Promise<void> {
    const report = device.speak(isNew);
    if (report !== undefined) await this.server.writer.write(device.deviceId, this.clock.now(), report);
  }
}
