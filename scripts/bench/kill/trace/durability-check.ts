/** Judges a trace: was everything on disk before it was acknowledged, and does it survive a power cut at any moment? */
import type { OpenRecords, StoredRecords } from '../database/stored-records.ts';
import { withImage } from './disk-image.ts';
import { DiskReplay } from './disk-replay.ts';
import { afterAPrefix, everything, randomSectors, type Loss } from './loss.ts';
import type { TraceLog } from './trace-log.ts';

/** A promise that the process made on a socket: from `startedAt` on these records must survive anything. */
export interface Promised {
  readonly startedAt: number;
  readonly deviceId: string;
  readonly epoch: string;
  readonly sequences: readonly number[];
}

export interface DurabilityOptions {
  readonly log: TraceLog;
  readonly folder: string;
  /** In the order of `startedAt`. */
  readonly promises: readonly Promised[];
  readonly open: OpenRecords;
  /** Random moments at which unsynced writes are thrown away, each in three ways. */
  readonly lossPoints: number;
  readonly random: () => number;
}

export interface DurabilityVerdict {
  readonly promises: number;
  /** Promises that began to leave before their records would have survived the loss of everything unsynced. */
  readonly promisedWithoutSync: number;
  /** Disk states, one per completed sync, that promises were held against. */
  readonly syncPoints: number;
  readonly lossPoints: number;
  readonly lossImages: number;
  /** Records promised before a moment of loss and gone after it, over all images. */
  readonly lost: number;
  readonly duplicated: number;
  /** Images that SQLite cannot open or finds damaged. */
  readonly damagedImages: number;
  /** A few sentences about what was found. */
  readonly examples: readonly string[];
}

const EXAMPLES = 8;

class DurabilityCheck {
  private readonly options: DurabilityOptions;
  private readonly replay = new DiskReplay();
  private readonly losses: readonly Loss[];
  private readonly examples: string[] = [];
  private checked = 0;
  private readonly counts = {
    promisedWithoutSync: 0,
    syncPoints: 0,
    lossImages: 0,
    lost: 0,
    duplicated: 0,
    damagedImages: 0,
  };

  constructor(options: DurabilityOptions) {
    this.options = options;
    this.losses = [everything, afterAPrefix(options.random), randomSectors(options.random)];
  }

  run(): DurabilityVerdict {
    const { log, promises } = this.options;
    const moments = this.lossMoments();
    let next = 0;
    for (const operation of log.disk) {
      for (; (moments[next] ?? Infinity) < operation.endedAt; next += 1) this.cutPower(moments[next] ?? 0);
      // Only a sync changes what is safe: promises since the last one are held against the state before this one.
      if (operation.kind === 'sync') this.holdPromises(operation.endedAt);
      this.replay.apply(operation);
    }
    for (; next < moments.length; next += 1) this.cutPower(moments[next] ?? 0);
    this.holdPromises(Infinity);
    return { promises: promises.length, lossPoints: moments.length, ...this.counts, examples: this.examples };
  }

  /** Between the first promise and the end of the trace, ascending. */
  private lossMoments(): number[] {
    const { log, promises, lossPoints, random } = this.options;
    const from = promises[0]?.startedAt ?? 0;
    const to = log.disk.reduce((last, { endedAt }) => (endedAt === Infinity ? last : Math.max(last, endedAt)), from);
    return Array.from({ length: lossPoints }, () => from + Math.ceil(random() * (to - from))).sort((a, b) => a - b);
  }

  /** Promises that began before `until` must hold on the disk as it is known to be. */
  private holdPromises(until: number): void {
    const { promises } = this.options;
    const from = this.checked;
    while ((promises[this.checked]?.startedAt ?? Infinity) < until) this.checked += 1;
    const due = promises.slice(from, this.checked);
    if (due.length === 0) return;
    this.counts.syncPoints += 1;
    const broken = this.examine(everything, (stored) => due.filter((promise) => missing(stored, promise).length > 0));
    for (const promise of broken ?? due) {
      this.counts.promisedWithoutSync += 1;
      this.note(`line ${promise.startedAt}: ${promise.deviceId} was promised ${promise.sequences.join(', ')} unsynced`);
    }
  }

  private cutPower(moment: number): void {
    const { promises } = this.options;
    const end = promises.findIndex(({ startedAt }) => startedAt > moment);
    const due = end === -1 ? promises : promises.slice(0, end);
    for (const loss of this.losses) {
      this.counts.lossImages += 1;
      this.examine(loss, (stored) => {
        const faults = stored?.faults() ?? [];
        if (faults.length > 0) this.damaged(moment, loss, faults[0] ?? '');
        this.countRecords(stored, due, `line ${moment}, loss of ${loss.name}`);
      });
    }
  }

  private countRecords(stored: StoredRecords | undefined, due: readonly Promised[], where: string): void {
    for (const promise of due) {
      const gone = missing(stored, promise);
      this.counts.lost += gone.length;
      this.counts.duplicated += promise.sequences.filter((sequence) => copies(stored, promise, sequence) > 1).length;
      if (gone.length > 0) this.note(`${where}: ${promise.deviceId} lost ${gone.join(', ')}`);
    }
  }

  /** Undefined when SQLite could not read the image, which is then counted. */
  private examine<T>(loss: Loss, look: (stored: StoredRecords | undefined) => T): T | undefined {
    const { folder, open } = this.options;
    return withImage(this.replay.image(loss), folder, (imageFolder) => {
      let stored: StoredRecords | undefined;
      try {
        stored = open(imageFolder);
        return look(stored);
      } catch (error) {
        this.damaged(0, loss, error instanceof Error ? error.message : String(error));
        return undefined;
      } finally {
        stored?.close();
      }
    });
  }

  private damaged(moment: number, loss: Loss, why: string): void {
    this.counts.damagedImages += 1;
    this.note(`line ${moment}, loss of ${loss.name}: ${why}`);
  }

  private note(example: string): void {
    if (this.examples.length < EXAMPLES) this.examples.push(example);
  }
}

const copies = (stored: StoredRecords | undefined, { deviceId, epoch }: Promised, sequence: number): number =>
  stored?.copiesOf(deviceId, epoch, sequence) ?? 0;

const missing = (stored: StoredRecords | undefined, promise: Promised): number[] =>
  promise.sequences.filter((sequence) => copies(stored, promise, sequence) === 0);

/** Opens hundreds of databases; takes seconds. */
export const checkDurability = (options: DurabilityOptions): DurabilityVerdict => new DurabilityCheck(options).run();
