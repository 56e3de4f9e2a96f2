/** The window store on SQLite: one file, one thread that reads the telemetry log and writes, one that reads. */
import type {
  Page,
  StreamDefinition,
  StreamPreview,
  StreamPreviewAnswer,
  StreamStatus,
  WindowResult,
} from '@shoal/protocol';
import type { Logger } from 'pino';
import { FLEET_ERRORS, FleetError } from '../../../errors.ts';
import type { Metrics } from '../../../ports/metrics.ts';
import {
  WindowStore,
  type DeviceLabels,
  type Publications,
  type PublicationsQuery,
  type StoredWindows,
  type StoredWindowsQuery,
  type WindowChange,
  type WindowQuery,
  type WindowStep,
} from '../../../ports/window-store.ts';
import { asStoreError, codeOf } from '../store-errors.ts';
import { STREAM_YOUNG_MB, ThreadLink } from '../sqlite-telemetry/thread-link.ts';
import type { ReaderJobs, ThreadData, WriterJobs } from './thread-messages.ts';

interface Collaborators {
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Records of the log that one step reads and one transaction holds. */
const RECORDS_PER_STEP = 20_000;
const fromSource = import.meta.url.endsWith('.ts');
const entry = (name: string): URL => new URL(`./${name}${fromSource ? '.ts' : '.js'}`, import.meta.url);

export class SqliteWindowStore extends WindowStore {
  readonly #data: ThreadData;
  readonly #writer: ThreadLink<WriterJobs>;
  readonly #reader: ThreadLink<ReaderJobs>;
  /** What a thread that is started again must be told. */
  readonly #labels = new Map<string, DeviceLabels>();

  constructor(data: ThreadData, { metrics, log }: Collaborators) {
    super();
    this.#data = data;
    const onQuarantine = (quarantined: string, why: string): void => {
      metrics.count('storage_quarantined_total');
      log.error({ code: 'WINDOW_STORE_CORRUPT', quarantined, why }, FLEET_ERRORS.WINDOW_STORE_CORRUPT.description);
    };
    // What a thread was asked is answered with an error; the next question starts another.
    const onDeath = (error: Error): void => log.error({ err: error }, 'a thread of the window store ended');
    this.#writer = new ThreadLink(entry('writer-thread'), { onQuarantine, onDeath, youngMb: STREAM_YOUNG_MB });
    this.#reader = new ThreadLink(entry('reader-thread'), { onQuarantine, onDeath, youngMb: STREAM_YOUNG_MB });
  }

  /** @throws FleetError WINDOW_STORE_UNAVAILABLE | WINDOW_STORE_VERSION_UNKNOWN */
  async start(): Promise<void> {
    try {
      await this.#writer.start(this.#data);
      // Not before somebody asks: a thread takes half a second and 40 MB.
      this.#reader.prepare(this.#data);
    } catch (cause) {
      await this.stop();
      const message = cause instanceof Error ? cause.message : String(cause);
      const isNewer = codeOf(cause) === 'UnknownVersionError';
      const code = isNewer ? 'WINDOW_STORE_VERSION_UNKNOWN' : 'WINDOW_STORE_UNAVAILABLE';
      throw new FleetError(code, `Cannot open the file of windows ${this.#data.file}: ${message}.`, { cause });
    }
  }

  /** The reader first: a read-only connection that closes last would leave the log behind. */
  async stop(): Promise<void> {
    await this.#reader.stop();
    await this.#writer.stop();
  }

  override async adopt(definitions: readonly StreamDefinition[], now: number): Promise<void> {
    await this.#write('adopt', { definitions, now });
  }

  override async define(definition: StreamDefinition, now: number): Promise<void> {
    await this.#write('define', { definition, now });
  }

  override async drop(stream: string): Promise<void> {
    await this.#write('drop', { stream });
  }

  override async erase(deviceId: string): Promise<void> {
    this.#labels.delete(deviceId);
    while (!(await this.#write('erase', { deviceId })));
  }

  override async setLabels(devices: readonly DeviceLabels[]): Promise<void> {
    for (const device of devices) this.#labels.set(device.deviceId, device);
    await this.#write('setLabels', devices);
  }

  override step(now: number): Promise<WindowStep> {
    return this.#write('step', { now, records: RECORDS_PER_STEP });
  }

  override trim(now: number): Promise<number> {
    return this.#write('trim', { now });
  }

  override windows(query: WindowQuery): Promise<Page<WindowResult>> {
    return this.#read('windows', query);
  }

  override async status(stream: string): Promise<StreamStatus> {
    const status = await this.#read('status', { stream });
    if (status !== null) return status;
    throw new FleetError('STREAM_NOT_FOUND', `No stream "${stream}" runs. List them with GET /api/streams.`);
  }

  override changes(afterChange: number, limit: number): Promise<readonly WindowChange[]> {
    return this.#read('changes', { afterChange, limit });
  }

  override async keep(streams: readonly string[]): Promise<void> {
    await this.#write('keep', streams);
  }

  override publications(query: PublicationsQuery): Promise<Publications> {
    return this.#read('publications', query);
  }

  override stored(query: StoredWindowsQuery): Promise<StoredWindows> {
    return this.#read('stored', query);
  }

  override definitions(streams: readonly string[]): Promise<readonly StreamDefinition[]> {
    return this.#read('definitions', streams);
  }

  override newest(
    stream: string,
    afterKey: number,
    limit: number,
  ): Promise<{ windows: readonly WindowResult[]; nextKey: number | null }> {
    return this.#read('newest', { stream, afterKey, limit });
  }

  override preview(preview: StreamPreview, labels: readonly DeviceLabels[], now: number): Promise<StreamPreviewAnswer> {
    return this.#read('preview', { preview, labels, now });
  }

  async #write<K extends keyof WriterJobs>(job: K, ask: WriterJobs[K]['ask']): Promise<WriterJobs[K]['answer']> {
    try {
      if (!this.#writer.isRunning) {
        await this.#writer.start();
        await this.#writer.ask('setLabels', [...this.#labels.values()]);
      }
      return await this.#writer.ask(job, ask);
    } catch (cause) {
      throw asStoreError('WINDOW_STORE_UNAVAILABLE', 'The store of windows', cause);
    }
  }

  async #read<K extends keyof ReaderJobs>(job: K, ask: ReaderJobs[K]['ask']): Promise<ReaderJobs[K]['answer']> {
    try {
      if (!this.#reader.isRunning) await this.#reader.start();
      return await this.#reader.ask(job, ask);
    } catch (cause) {
      throw asStoreError('WINDOW_STORE_UNAVAILABLE', 'The store of windows', cause);
    }
  }
}
