/** Runs streams over the telemetry log: every step is one transaction, and the position in the log is part of it. */
import { emptyTally, streamHash, WindowReducer, type RecordColumns } from '@shoal/models/streams';
import type { StreamDefinition, StreamTally } from '@shoal/protocol';
import { breathe } from '../../../give-way.ts';
import type { DeviceLabels, WindowStep } from '../../../ports/window-store.ts';
import type { LogPart, LogSpan } from '../sqlite-telemetry/log-columns.ts';
import { DeviceProgress } from './device-progress.ts';
import { KeptPublications } from './kept-publications.ts';
import { KeyNumbers } from './key-numbers.ts';
import { horizonAt, readStreams, runStream, type RunningStream } from './running-stream.ts';
import { prepareStatements, type Statements } from './writer-statements.ts';
import { WindowRows } from './window-rows.ts';
import { WindowTrimmer } from './window-trimmer.ts';
import type { Sqlite } from './windows-file.ts';

/** The telemetry log, as `LogColumns` reads it. */
export interface LogSource {
  head(): number;
  read(span: LogSpan): LogPart;
}

/** Rows removed in one transaction. */
const ERASE_AT_ONCE = 5_000;
/** Time between two looks at the windows of keys of which nothing was heard. */
const SWEEP_MS = 1_000;

const addTallies = (a: StreamTally, b: StreamTally): StreamTally =>
  Object.fromEntries(
    Object.entries(a).map(([name, count]) => [name, count + b[name as keyof StreamTally]]),
  ) as unknown as StreamTally;

export class WindowsWriter {
  readonly #db: Sqlite;
  readonly #log: LogSource;
  readonly #sql: Statements;
  readonly #keys: KeyNumbers;
  readonly #rows: WindowRows;
  readonly #devices: DeviceProgress;
  readonly #publications: KeptPublications;
  readonly #trimmer: WindowTrimmer;
  #streams: RunningStream[] = [];

  constructor(db: Sqlite, log: LogSource) {
    this.#db = db;
    this.#log = log;
    this.#sql = prepareStatements(db);
    this.#keys = new KeyNumbers(db);
    this.#rows = new WindowRows(db, this.#keys);
    this.#devices = new DeviceProgress(db);
    this.#publications = new KeptPublications(db, this.#keys);
    this.#trimmer = new WindowTrimmer(db);
    this.#load();
  }

  /** These run from now on, and no others; what runs already goes on from where it is. */
  adopt(definitions: readonly StreamDefinition[], now: number): null {
    const names = new Set(definitions.map(({ name }) => name));
    for (const { name } of this.#streams) if (!names.has(name)) this.drop(name);
    for (const definition of definitions) this.define(definition, now);
    return null;
  }

  define(definition: StreamDefinition, now: number): null {
    const hash = streamHash(definition);
    const running = this.#streams.find(({ name }) => name === definition.name);
    if (running?.hash === hash) return null;
    const head = this.#log.head();
    const position = definition.startFrom === 'history' ? 0 : head;
    const horizon = JSON.stringify(horizonAt(definition, now, [0, 0, 0]));
    this.#atomically(() => {
      this.#sql.drop.run(definition.name);
      const text = JSON.stringify(definition);
      this.#sql.add.run(definition.name, hash, text, position, head, horizon, JSON.stringify(emptyTally()));
    });
    const row = readStreams(this.#db).find(({ name }) => name === definition.name);
    this.#streams = this.#streams.filter(({ name }) => name !== definition.name);
    if (row !== undefined) this.#streams.push(runStream(row, this.#rows));
    return null;
  }

  drop(stream: string): null {
    this.#sql.drop.run(stream);
    this.#streams = this.#streams.filter(({ name }) => name !== stream);
    return null;
  }

  /** A bounded number of rows at once. @returns whether nothing is left */
  erase(deviceId: string): boolean {
    const keyNo = this.#keys.find(deviceId);
    const streams = this.#streams.filter(({ plan }) => plan.definition.key.by === 'device');
    const isDone = this.#atomically(() => {
      let left = ERASE_AT_ONCE;
      for (const { streamNo } of keyNo === undefined ? [] : streams) {
        left -= this.#sql.dropWindowsOf.run(streamNo, keyNo ?? 0, left).changes;
        this.#sql.dropPublicationsOf.run(streamNo, keyNo ?? 0);
      }
      this.#sql.dropHeard.run(deviceId);
      return left > 0;
    });
    this.#devices.reload();
    this.#devices.setLabels([{ deviceId, labels: null }]);
    // What is held of it in memory is not told apart from the others.
    this.#load();
    return isDone;
  }

  /** From now on every revision of these streams is kept as it is published. */
  keep(streams: readonly string[]): null {
    this.#atomically(() => this.#publications.keep(streams));
    return null;
  }

  setLabels(devices: readonly DeviceLabels[]): null {
    this.#devices.setLabels(devices);
    return null;
  }

  step(now: number, records: number): Omit<WindowStep, 'seconds'> {
    const head = this.#log.head();
    // A log that begins anew was set aside as corrupt: what it holds now was never read.
    for (const stream of this.#streams) if (stream.position > head) stream.position = 0;
    const from = Math.min(...this.#streams.map(({ position }) => position), head);
    // A stream that was defined later starts where the others have been long ago: it catches up alone.
    const behind = this.#streams.filter(({ position }) => position === from);
    const others = this.#streams.filter(({ position }) => position > from);
    const untilBatchId = Math.min(...others.map(({ position }) => position));
    const part = this.#log.read({ afterBatchId: from, untilBatchId, records });
    // The commits up to there are gone with their retention.
    const isGap = part.isEnd && others.length > 0 && part.lastBatchId === from;
    const position = isGap ? untilBatchId : part.lastBatchId;
    const outcome = this.#atomically(() => {
      this.#devices.hear(part.batches);
      const tallies = [
        ...behind.map((stream) => this.#reduce(stream, part.batches, now, position)),
        ...others.map((stream) => this.#reduce(stream, [], now, stream.position)),
      ];
      this.#devices.store();
      return tallies;
    });
    const sum = (pick: (each: (typeof outcome)[number]) => number): number =>
      outcome.reduce((total, each) => total + pick(each), 0);
    return {
      records: part.records,
      published: sum(({ published }) => published),
      lastChange: this.#sql.lastChange.get() ?? 0,
      position: Math.min(...this.#streams.map((stream) => stream.position), head),
      isCaughtUp: part.isEnd && others.length === 0,
      late: sum(({ tally }) => tally.late),
      rolledUp: sum(({ tally }) => tally.rolledUp),
      expired: sum(({ tally }) => tally.expired),
      openWindows: this.#streams.reduce((total, { book }) => total + book.openCount, 0),
    };
  }

  /** @returns rows dropped; 0 when there is nothing more to drop */
  trim(now: number): number {
    return this.#atomically(() => {
      for (const stream of this.#streams) {
        stream.horizon = horizonAt(stream.plan.definition, now, stream.horizon);
        this.#sql.setHorizon.run(JSON.stringify(stream.horizon), stream.streamNo);
      }
      return this.#trimmer.step(this.#streams);
    });
  }

  #reduce(
    stream: RunningStream,
    batches: readonly RecordColumns[],
    now: number,
    position: number,
  ): { readonly published: number; readonly tally: StreamTally } {
    const { plan, book, streamNo, horizon } = stream;
    const isSweep = now >= stream.sweepAt || now < stream.sweepAt - SWEEP_MS;
    if (isSweep) stream.sweepAt = now + SWEEP_MS;
    const isByDevice = plan.definition.key.by === 'device';
    const spoke = new Set(batches.map(({ deviceId }) => deviceId));
    const { published, tally } = WindowReducer.step(plan, book, {
      batches,
      labelsOf: (deviceId) => this.#devices.labelsOf(deviceId),
      horizon,
      watermarkOf: this.#devices.watermarks(plan, now),
      ...(isByDevice && !isSweep && { keys: spoke }),
      between: breathe,
    });
    const { changed, removed } = book.takeChanges();
    for (const id of removed) this.#rows.remove(streamNo, id);
    for (const window of changed) {
      this.#rows.put(streamNo, window, now);
      breathe();
    }
    const isBackfill = position <= stream.backfillUntil ? 1 : 0;
    const isKept = this.#publications.has(stream.name);
    for (const window of published) {
      const { level, key, start } = window;
      const change = this.#sql.addChange.run(streamNo, level, this.#keys.of(key), start, isBackfill).lastInsertRowid;
      if (isKept) this.#publications.add(Number(change), stream, window, now);
      breathe();
    }
    if (position !== stream.position || batches.length > 0) {
      stream.tally = addTallies(stream.tally, tally);
      stream.position = position;
      this.#sql.setPosition.run(position, JSON.stringify(stream.tally), streamNo);
    }
    return { published: published.length, tally };
  }

  #load(): void {
    this.#publications.load();
    this.#streams = readStreams(this.#db).map((row) => runStream(row, this.#rows));
  }

  /** What memory says about a transaction that failed may not be so: everything is read anew. */
  #atomically<T>(work: () => T): T {
    try {
      return this.#db.transaction(work).immediate();
    } catch (error) {
      this.#keys.forgetAll();
      this.#devices.reload();
      this.#load();
      throw error;
    }
  }
}
