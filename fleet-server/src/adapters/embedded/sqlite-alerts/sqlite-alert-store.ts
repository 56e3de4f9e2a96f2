/** The alert store on SQLite: one file, one thread that reads log and windows and writes, one that reads. */
import type {
  Alert,
  AlertDetail,
  AlertPreview,
  AlertPreviewAnswer,
  AlertQuery,
  AlertRule,
  AlertRuleStatus,
  Page,
  Silence,
} from '@shoal/protocol';
import type { Logger } from 'pino';
import { FLEET_ERRORS, FleetError } from '../../../errors.ts';
import {
  AlertStore,
  type AlertChange,
  type AlertIntent,
  type AlertStep,
  type Deed,
  type WatchedDevice,
} from '../../../ports/alert-store.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import { asStoreError, codeOf } from '../store-errors.ts';
import { ThreadLink } from '../sqlite-telemetry/thread-link.ts';
import type { ReaderJobs, ThreadData, WriterJobs } from './thread-messages.ts';

interface Collaborators {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Records of the log that one step reads and one transaction holds. */
const RECORDS_PER_STEP = 20_000;
const TRIMMED_AT_ONCE = 1_000;
const fromSource = import.meta.url.endsWith('.ts');
const entry = (name: string): URL => new URL(`./${name}${fromSource ? '.ts' : '.js'}`, import.meta.url);

export class SqliteAlertStore extends AlertStore {
  readonly #data: ThreadData;
  readonly #clock: Clock;
  readonly #writer: ThreadLink<WriterJobs>;
  readonly #reader: ThreadLink<ReaderJobs>;
  /** What a thread that is started again must be told. */
  readonly #devices = new Map<string, WatchedDevice>();

  constructor(data: ThreadData, { clock, metrics, log }: Collaborators) {
    super();
    this.#data = data;
    this.#clock = clock;
    const onQuarantine = (quarantined: string, why: string): void => {
      metrics.count('storage_quarantined_total');
      log.error({ code: 'ALERT_STORE_CORRUPT', quarantined, why }, FLEET_ERRORS.ALERT_STORE_CORRUPT.description);
    };
    // What a thread was asked is answered with an error; the next question starts another.
    const onDeath = (error: Error): void => log.error({ err: error }, 'a thread of the alert store ended');
    this.#writer = new ThreadLink(entry('writer-thread'), { onQuarantine, onDeath });
    this.#reader = new ThreadLink(entry('reader-thread'), { onQuarantine, onDeath });
  }

  /** The files it reads must be there. @throws FleetError ALERT_STORE_UNAVAILABLE | ALERT_STORE_VERSION_UNKNOWN */
  async start(): Promise<void> {
    try {
      await this.#writer.start(this.#data);
      // Not before somebody asks: a thread takes half a second and 40 MB.
      this.#reader.prepare(this.#data);
    } catch (cause) {
      await this.stop();
      const message = cause instanceof Error ? cause.message : String(cause);
      const isNewer = codeOf(cause) === 'UnknownVersionError';
      const code = isNewer ? 'ALERT_STORE_VERSION_UNKNOWN' : 'ALERT_STORE_UNAVAILABLE';
      throw new FleetError(code, `Cannot open the file of alerts ${this.#data.file}: ${message}.`, { cause });
    }
  }

  /** The reader first: a read-only connection that closes last would leave the log behind. */
  async stop(): Promise<void> {
    await this.#reader.stop();
    await this.#writer.stop();
  }

  override async adopt(rules: readonly AlertRule[], now: number): Promise<void> {
    await this.#write('adopt', { rules, now });
  }

  override async define(rule: AlertRule, now: number): Promise<void> {
    await this.#write('define', { rule, now });
  }

  override async drop(name: string, now: number): Promise<void> {
    await this.#write('drop', { name, now });
  }

  override async setDevices(devices: readonly WatchedDevice[]): Promise<void> {
    for (const device of devices) {
      if (device.labels === null) this.#devices.delete(device.deviceId);
      else this.#devices.set(device.deviceId, device);
    }
    await this.#write('setDevices', { devices, now: this.#clock.now() });
  }

  override step(now: number): Promise<AlertStep> {
    return this.#write('step', { now, records: RECORDS_PER_STEP });
  }

  override intents(limit: number): Promise<readonly AlertIntent[]> {
    return this.#write('intents', { limit });
  }

  override async handedOn(upToIntent: number): Promise<void> {
    await this.#write('handedOn', { upToIntent });
  }

  override act(deed: Deed, now: number): Promise<Alert> {
    return this.#write('act', { deed, now });
  }

  override async silence(silence: Silence): Promise<void> {
    await this.#write('silence', { silence });
  }

  override async endSilence(silenceId: string): Promise<void> {
    if (await this.#write('endSilence', { silenceId })) return;
    throw new FleetError('SILENCE_NOT_FOUND', `No silence "${silenceId}". List them with GET /api/silences.`);
  }

  override silences(now: number): Promise<readonly Silence[]> {
    return this.#read('silences', { now });
  }

  override trim(before: number): Promise<number> {
    return this.#write('trim', { before, limit: TRIMMED_AT_ONCE });
  }

  override alerts(query: Omit<AlertQuery, 'format'>): Promise<Page<Alert>> {
    return this.#read('alerts', query);
  }

  override async alert(alertId: string): Promise<AlertDetail> {
    const alert = await this.#read('alert', { alertId });
    if (alert !== null) return alert;
    throw new FleetError('ALERT_NOT_FOUND', `No alert "${alertId}". List them with GET /api/alerts.`);
  }

  override changes(afterChange: number, limit: number): Promise<readonly AlertChange[]> {
    return this.#write('changes', { afterChange, limit });
  }

  override firing(limit: number, cursor: string | undefined): Promise<Page<Alert>> {
    return this.#write('firing', { limit, cursor });
  }

  /** A rule that is switched off has looked at nothing. */
  override async status(rule: string): Promise<AlertRuleStatus> {
    const status = await this.#read('status', { rule });
    return status ?? { name: rule, firing: 0, pending: 0, considered: 0, late: 0, historical: 0 };
  }

  override preview(preview: AlertPreview, devices: readonly WatchedDevice[], now: number): Promise<AlertPreviewAnswer> {
    return this.#read('preview', { preview, devices, now });
  }

  async #write<K extends keyof WriterJobs>(job: K, ask: WriterJobs[K]['ask']): Promise<WriterJobs[K]['answer']> {
    try {
      if (!this.#writer.isRunning) {
        await this.#writer.start();
        await this.#writer.ask('setDevices', { devices: [...this.#devices.values()], now: this.#clock.now() });
      }
      return await this.#writer.ask(job, ask);
    } catch (cause) {
      throw asStoreError('ALERT_STORE_UNAVAILABLE', 'The store of alerts', cause);
    }
  }

  async #read<K extends keyof ReaderJobs>(job: K, ask: ReaderJobs[K]['ask']): Promise<ReaderJobs[K]['answer']> {
    try {
      if (!this.#reader.isRunning) await this.#reader.start();
      return await this.#reader.ask(job, ask);
    } catch (cause) {
      throw asStoreError('ALERT_STORE_UNAVAILABLE', 'The store of alerts', cause);
    }
  }
}
