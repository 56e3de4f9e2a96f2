/** Leads to the updater of the models, which is loaded by the first assignment or by the record of an earlier one; a device without pays for nothing behind this. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SignedAssignment, UpdateHold, UpdateReport } from '@shoal/protocol/wire';
import { sentenceOf } from '../errors.ts';
import type { EventRecorder } from '../outbox/event-recorder.port.ts';
import type { Logger } from '../runtime.ts';
import type { LinkParticipant } from '../uplink/fleet-link.port.ts';
import type { HoldBook } from './update-hold.ts';
import type { ActiveBundle, Updater } from './updater.ts';

export interface UpdatesDoorOptions {
  /** Null while this device is to be updated; else why it is not. */
  readonly offReason: string | null;
  readonly folder: string;
  readonly load: () => Promise<Updater>;
  /** Takes part in every connection from then on. */
  readonly join: (participant: LinkParticipant) => void;
  readonly book: HoldBook;
  readonly events: EventRecorder;
  readonly onChange: () => void;
  readonly logger: Logger;
}

export class UpdatesDoor {
  readonly #options: UpdatesDoorOptions;
  #loading: Promise<Updater> | undefined;
  #updater: Updater | undefined;
  #assigned: SignedAssignment | undefined;
  #isRunning = false;

  constructor(options: UpdatesDoorOptions) {
    this.#options = options;
  }

  /** What updates brought before this process, to be run from its beginning. Never rejects. */
  async start(): Promise<ActiveBundle[]> {
    const { offReason, folder, book, logger } = this.#options;
    await book.start();
    const isThere = ['record-0.json', 'record-1.json'].some((file) => existsSync(join(folder, file)));
    if (offReason !== null || !isThere) return [];
    try {
      this.#loading = this.#load();
      return await (await this.#loading).start();
    } catch (error) {
      logger.error({ why: sentenceOf(error) }, 'updates of earlier are not known; the models of the configuration run');
      return [];
    }
  }

  /** The engines are there. */
  run(): void {
    this.#isRunning = true;
    if (this.#updater !== undefined) this.#updater.run();
    else if (this.#assigned !== undefined) this.#begin(this.#assigned);
  }

  take(envelope: SignedAssignment | undefined): void {
    this.#assigned = envelope;
    if (this.#updater !== undefined) this.#updater.take(envelope);
    else if (envelope !== undefined && this.#isRunning) this.#begin(envelope);
  }

  /** By model; empty where nothing was ever assigned. */
  report(): Record<string, UpdateReport> {
    const { offReason } = this.#options;
    if (offReason === null || this.#assigned === undefined) return this.#updater?.report() ?? {};
    const cause = { code: 'UPDATES_OFF', message: offReason };
    const { models, issuedAt } = this.#assigned.signed;
    return Object.fromEntries(
      models.map(({ name, deploymentId, version, sha256 }) => [
        name,
        { deploymentId, version, sha256, state: 'rejected', since: issuedAt, cause },
      ]),
    );
  }

  /** Null while nobody holds updates. */
  held(): UpdateHold | null {
    return this.#options.book.current();
  }

  /** "Not now", until it ends by itself. Throws UPDATE_HOLD_INVALID, STATE_FILE_WRITE_FAILED: nothing has changed then. */
  async hold(wish: unknown): Promise<UpdateHold> {
    const hold = await this.#options.book.set(wish);
    await this.#tellHold(`Updates are held on this device${hold.reason === undefined ? '.' : `: ${hold.reason}`}`, {
      until: hold.until,
    });
    return hold;
  }

  /** None is fine. Throws STATE_FILE_WRITE_FAILED. */
  async release(): Promise<void> {
    if (await this.#options.book.release()) await this.#tellHold('Updates of this device go on.', { until: null });
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await (await this.#loading?.catch(() => undefined))?.stop();
  }

  async #tellHold(sentence: string, facts: { readonly until: number | null }): Promise<void> {
    const { events, onChange } = this.#options;
    await this.#updater?.holdChanged();
    events.record('updates.hold', 'info', sentence, facts);
    onChange();
  }

  #begin(envelope: SignedAssignment): void {
    if (this.#options.offReason !== null || this.#loading !== undefined) return;
    this.#loading = this.#open(envelope);
    this.#loading.catch((error: unknown) => {
      // The next word of the fleet tries again.
      this.#updater = undefined;
      this.#loading = undefined;
      this.#options.logger.error({ why: sentenceOf(error) }, 'the updater cannot be loaded');
    });
  }

  async #open(envelope: SignedAssignment): Promise<Updater> {
    const updater = await this.#load();
    await updater.start();
    updater.take(this.#assigned ?? envelope);
    if (this.#isRunning) updater.run();
    return updater;
  }

  async #load(): Promise<Updater> {
    const updater = await this.#options.load();
    this.#updater = updater;
    updater.take(this.#assigned);
    this.#options.join({ online: () => updater.online(), offline: () => updater.offline() });
    return updater;
  }
}
