/** Updates the models of this device: takes what the fleet assigns, carries each update to its end, and knows after a restart what is to run. */
import { join } from 'node:path';
import type { Bundle, ReadBundleOptions } from '@shoal/models';
import type { SignedAssignment, UpdateHold, UpdateReport } from '@shoal/protocol/wire';
import { sentenceOf } from '../errors.ts';
import type { HealthBoard } from '../health/health-board.port.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { Clock, Logger, Random } from '../runtime.ts';
import { AssignmentDesk, type Refusal } from './assignment-desk.ts';
import type { BlobSource } from './blob-source.port.ts';
import { BlobStore } from './blob-store.ts';
import type { MetadataView } from './metadata-store.ts';
import type { ModelHost } from './model-host.port.ts';
import { RecordKeeper } from './record-keeper.ts';
import { Staging } from './staging.ts';
import { StateRecord } from './state-record.ts';
import type { UpdateDisk } from './update-disk.port.ts';
import { tellChange } from './update-news.ts';
import type { Moment } from './update-plan.ts';
import { isTerminal } from './update-table.ts';
import { recordSchema, type ModelRecord } from './update-record.ts';
import { reportOf } from './update-report.ts';
import { UpdateRun } from './update-run.ts';
import { createWorks, readInstalled } from './update-works.ts';

export interface UpdaterOptions {
  readonly deviceId: string;
  readonly agentVersion: string;
  readonly disk: UpdateDisk;
  readonly folder: string;
  readonly metadata: {
    look(targets: readonly string[], nowAt: number, signal: AbortSignal): Promise<MetadataView>;
  };
  readonly blobs: BlobSource;
  readonly host: ModelHost;
  /** Null while nobody on this machine holds updates. */
  readonly hold: () => UpdateHold | null;
  /** Who may sign bundles, and whether somebody must. */
  readonly bundlePolicy: () => Promise<ReadBundleOptions>;
  readonly events: EventRecorder;
  readonly health: HealthBoard;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Milliseconds since the epoch; null while nobody knows. */
  readonly knownNow: () => number | null;
  readonly random: Random;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Before the first of further tries, and between looks at a candidate. */
  readonly retryFirstMs: number;
  readonly lookMs: number;
  readonly onChange: () => void;
}

/** A version of an update that is to run from the beginning of a process. */
export interface ActiveBundle {
  readonly bundle: Bundle;
  readonly source: readonly string[] | undefined;
}

export class Updater {
  readonly #options: UpdaterOptions;
  readonly #keeper: RecordKeeper;
  readonly #store: BlobStore;
  readonly #staging: Staging;
  readonly #desk: AssignmentDesk;
  readonly #works: ReturnType<typeof createWorks>;
  readonly #runs = new Map<string, { readonly run: UpdateRun; readonly ended: Promise<void> }>();
  readonly #stopping = new AbortController();
  readonly #downloaded = new Map<string, number>();
  /** Of assignments that did not become updates, by model. */
  readonly #refusals = new Map<string, UpdateReport>();
  #assigned: SignedAssignment | undefined;
  #isRunning = false;
  #cleaning: Promise<void> = Promise.resolve();
  #isOnline = false;

  constructor(options: UpdaterOptions) {
    const { disk, folder, clock, hold, bundlePolicy } = options;
    this.#options = options;
    const file = new StateRecord(disk, folder, recordSchema);
    const moment = (): Moment => ({ now: clock.now(), hold: hold() });
    this.#keeper = new RecordKeeper(file, moment, this.#changed.bind(this));
    this.#store = new BlobStore(disk, folder);
    this.#staging = new Staging(disk, this.#store, bundlePolicy);
    this.#desk = this.#createDesk();
    this.#works = this.#createWorks();
  }

  /** What is to run from now on, verified byte by byte. Throws what the disk throws. */
  async start(): Promise<ActiveBundle[]> {
    const { health, folder } = this.#options;
    if (await this.#keeper.start()) {
      const sentence = `The record of updates in ${join(folder, 'record-*.json')} is damaged; the models of the configuration run.`;
      health.raise('UPDATE_STORE_DAMAGED', 'updates', sentence);
    }
    const names = Object.keys(this.#keeper.record.models);
    // A disk that takes nothing is no reason to run nothing.
    const begun = (['started', 'hold-changed'] as const).flatMap((type) =>
      names.map((name) => ({ name, event: { type } })),
    );
    await this.#keeper.applyAll(begun).catch((error: unknown) => this.#fault('updates', error));
    const active: ActiveBundle[] = [];
    for (const name of names) {
      const bundle = await readInstalled(this.#keeper, this.#staging, name).catch((error: unknown) => {
        this.#fault(name, error);
        return null;
      });
      if (bundle !== null) active.push({ bundle, source: this.#keeper.model(name).active?.source });
    }
    return active;
  }

  /** The engines are there: what was under way goes on. */
  run(): void {
    this.#isRunning = true;
    this.#cleaning = this.#clean();
    for (const name of Object.keys(this.#keeper.record.models)) this.#carryOn(name);
    this.#lookAtAssignment();
  }

  /** What the fleet assigns; nothing is called off where it assigns nothing any more. */
  take(envelope: SignedAssignment | undefined): void {
    this.#assigned = envelope;
    if (this.#isRunning) this.#lookAtAssignment();
  }

  /** A hold began, changed or is over. Resolves when no update can do what it forbids any more. */
  async holdChanged(): Promise<void> {
    const before = this.#keeper.record.models;
    const names = Object.keys(before);
    await this.#keeper
      .applyAll(names.map((name) => ({ name, event: { type: 'hold-changed' } })))
      .catch((error: unknown) => this.#fault('updates', error));
    for (const name of names) if (this.#keeper.model(name) !== before[name]) this.#carryOn(name);
  }

  /** The fleet is reached: what was committed meanwhile is known to work. */
  online(): void {
    this.#isOnline = true;
    for (const name of Object.keys(this.#keeper.record.models)) this.#confirm(name);
  }

  offline(): void {
    this.#isOnline = false;
  }

  /** By model. */
  report(): Record<string, UpdateReport> {
    const reports: Record<string, UpdateReport> = {};
    for (const [name, model] of Object.entries(this.#keeper.record.models)) {
      const report = reportOf(model, this.#downloaded.get(name));
      if (report !== undefined) reports[name] = report;
    }
    return { ...reports, ...Object.fromEntries(this.#refusals) };
  }

  /** Resolves when nothing of it is under way; what is goes on with the next start. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#stopping.abort();
    await this.#desk.settled();
    await this.#cleaning;
    await Promise.all([...this.#runs.values()].map(({ ended }) => ended));
    const names = Object.keys(this.#keeper.record.models);
    await this.#keeper
      .applyAll(names.map((name) => ({ name, event: { type: 'stopping' } })))
      .catch((error: unknown) => this.#fault('updates', error));
  }

  #createDesk(): AssignmentDesk {
    const { metadata } = this.#options;
    return new AssignmentDesk({
      ...this.#options,
      arch: process.arch,
      keeper: this.#keeper,
      look: (targets, nowAt, signal) => metadata.look(targets, nowAt, signal),
      onFollowed: (names) => {
        for (const name of names) this.#carryOn(name);
      },
      onRefused: (model, refusal) => this.#refused(model, refusal),
    });
  }

  #createWorks(): ReturnType<typeof createWorks> {
    const { clock, knownNow, blobs } = this.#options;
    return createWorks({
      ...this.#options,
      keeper: this.#keeper,
      store: this.#store,
      staging: this.#staging,
      source: blobs,
      nowAt: () => Math.max(knownNow() ?? clock.now(), this.#keeper.record.notBeforeAt),
      monotonic: () => clock.monotonic(),
      onDownloaded: (name, bytes) => this.#downloaded.set(name, bytes),
    });
  }

  #lookAtAssignment(): void {
    if (this.#assigned !== undefined) this.#desk.take(this.#assigned, this.#stopping.signal);
  }

  #carryOn(name: string): void {
    const { clock, pause, random, retryFirstMs } = this.#options;
    const { update } = this.#keeper.model(name);
    const running = this.#runs.get(name);
    if (running !== undefined) return running.run.lookAgain();
    if (!this.#isRunning || update === null || isTerminal(update.state)) return;
    const run = new UpdateRun({
      name,
      keeper: this.#keeper,
      works: this.#works,
      pause,
      monotonic: () => clock.monotonic(),
      random,
      retryFirstMs,
      onFault: (error) => this.#fault(name, error),
    });
    const ended = run.run(this.#stopping.signal).then(() => this.#ended(name));
    this.#runs.set(name, { run, ended });
  }

  async #ended(name: string): Promise<void> {
    this.#runs.delete(name);
    this.#downloaded.delete(name);
    if (!this.#isRunning) return;
    await this.#clean();
    // It may have been assigned anew while it could not be called off.
    this.#carryOn(name);
    this.#lookAtAssignment();
  }

  #confirm(name: string): void {
    const { update } = this.#keeper.model(name);
    if (!this.#isOnline || update?.state !== 'committed' || update.confirmed) return;
    this.#keeper.apply(name, { type: 'confirmed' }).catch((error: unknown) => this.#fault(name, error));
  }

  #changed(name: string, before: ModelRecord, after: ModelRecord): void {
    this.#refusals.delete(name);
    tellChange(this.#options, name, before, after);
    this.#confirm(name);
    this.#options.onChange();
  }

  #refused(
    model: Parameters<AssignmentDesk['take']>[0]['signed']['models'][number],
    refusal: Refusal | undefined,
  ): void {
    const { name, deploymentId, version, sha256 } = model;
    if (refusal === undefined) {
      this.#refusals.delete(name);
      return;
    }
    const { update } = this.#keeper.model(name);
    const { clock, events, onChange } = this.#options;
    const { cause, isFinal } = refusal;
    const report: UpdateReport = {
      deploymentId,
      version,
      sha256,
      state: isFinal ? 'rejected' : 'assigned',
      since: clock.now(),
      cause,
      floor: this.#keeper.model(name).floor,
    };
    // What is under way is what the fleet is told of.
    if (update !== null && !isTerminal(update.state) && !isFinal) return;
    this.#refusals.set(name, report);
    if (isFinal) {
      const message = `${name} ${version} is not taken: ${cause.message}`.slice(0, 512);
      events.record('model.update', 'error', message, {
        model: name,
        version,
        deploymentId,
        state: 'rejected',
        code: cause.code,
      });
    }
    onChange();
  }

  /** Packed and unpacked bundles that nothing names any more. */
  async #clean(): Promise<void> {
    const isWanted = (sha256: string): boolean =>
      Object.values(this.#keeper.record.models).some(
        ({ active, previous, update }) =>
          active?.sha256 === sha256 ||
          previous?.sha256 === sha256 ||
          (update !== null && !isTerminal(update.state) && update.assigned.sha256 === sha256),
      );
    await this.#store.keepOnly(isWanted).catch((error: unknown) => this.#fault('updates', error));
  }

  #fault(name: string, error: unknown): void {
    this.#options.logger.warn({ model: name, why: sentenceOf(error) }, 'an update could not go on');
  }
}
