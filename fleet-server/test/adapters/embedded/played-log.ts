/** A scenario's messages in a real telemetry log, which its readers may die on in the middle of a step, as a kill does. */
import { join } from 'node:path';
import { LogColumns, type LogPart, type LogSpan } from '../../../src/adapters/embedded/sqlite-telemetry/log-columns.ts';
import { packAppend } from '../../../src/adapters/embedded/sqlite-telemetry/packed-append.ts';
import {
  openForReading,
  openForWriting,
  type Sqlite,
} from '../../../src/adapters/embedded/sqlite-telemetry/telemetry-file.ts';
import { TelemetryWriter } from '../../../src/adapters/embedded/sqlite-telemetry/telemetry-writer.ts';
import { placeInTime } from '../../../src/ingest/event-time.ts';
import { EPOCH } from '../../telemetry-records.ts';
import type { PlacedRecord } from './sqlite-windows/stream-oracle.ts';
import type { Delivery } from './sqlite-windows/stream-scenario.ts';

const FILE_OPTIONS = { maxPages: 1_000_000, checkedAtOpenBytes: 0 };

/** Fails once inside a step: nothing of the step stays. */
class MortalLog {
  readonly #columns: LogColumns;
  isDying = false;

  constructor(db: Sqlite) {
    this.#columns = new LogColumns(db);
  }

  head(): number {
    return this.#columns.head();
  }

  read(span: LogSpan): LogPart {
    const part = this.#columns.read(span);
    if (!this.isDying || part.batches.length === 0) return part;
    this.isDying = false;
    const last = part.batches.length - 1;
    const batches = part.batches.map((batch, index) => {
      if (index < last) return batch;
      return {
        ...batch,
        column: () => {
          throw new Error('killed');
        },
      };
    });
    return { ...part, batches };
  }
}

export class PlayedLog {
  readonly #telemetry: Sqlite;
  readonly #ingest: TelemetryWriter;
  readonly #reading: Sqlite;
  readonly #keys = new Set<string>();
  readonly log: MortalLog;

  constructor(folder: string) {
    const file = join(folder, 'ingest.db');
    this.#telemetry = openForWriting(file, FILE_OPTIONS, 0).db;
    // What a sync of the disk adds is not tried here, and is most of the time.
    this.#telemetry.pragma('synchronous = OFF');
    this.#ingest = new TelemetryWriter(this.#telemetry, 100);
    this.#reading = openForReading(file);
    this.log = new MortalLog(this.#reading);
  }

  /** @returns the records that were new, where they are placed in time, in the order of the log */
  receive({ deviceId, kind, lane, clock, receivedAt, records }: Delivery): PlacedRecord[] {
    const places = records.map(({ observedAt }) => placeInTime(observedAt, clock, receivedAt));
    const count = records.length;
    const batch = { deviceId, kind, lane, epoch: EPOCH, class: 'reading', receivedAt, count, records } as const;
    const eventAt = places.map((place) => place.eventAt);
    const { packed } = packAppend([{ ...batch, eventAt, clock: places.map((place) => place.clock) }], []);
    this.#ingest.append([packed], receivedAt);
    return records.flatMap((record, index) => {
      const key = `${deviceId}/${record.sequence}`;
      const place = places[index];
      if (this.#keys.has(key) || place === undefined) return [];
      this.#keys.add(key);
      return [{ deviceId, kind, record, eventAt: place.eventAt, isClockBad: place.clock === 'bad' }];
    });
  }

  close(): void {
    this.#reading.close();
    this.#telemetry.close();
  }
}
