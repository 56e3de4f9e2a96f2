/** A scenario played into the real telemetry log and the real file of windows, with kills in between and inside of steps. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WindowLevel, WindowResult } from '@shoal/protocol';
import type { Sqlite } from '../../../../src/adapters/embedded/sqlite-telemetry/telemetry-file.ts';
import { openForWriting } from '../../../../src/adapters/embedded/sqlite-windows/windows-file.ts';
import { WindowsReads } from '../../../../src/adapters/embedded/sqlite-windows/windows-reads.ts';
import { WindowsWriter } from '../../../../src/adapters/embedded/sqlite-windows/windows-writer.ts';
import { PlayedLog } from '../played-log.ts';
import type { PlacedRecord } from './stream-oracle.ts';
import { seeded, type Delivery, type Scenario } from './stream-scenario.ts';
import { STREAMS } from './test-streams.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export class StreamsRun {
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-streams-'));
  readonly #played = new PlayedLog(this.#folder);
  readonly #labels: { deviceId: string; labels: Record<string, string> }[];
  readonly #random;
  readonly placed: PlacedRecord[] = [];
  #windows: Sqlite;
  #writer: WindowsWriter;
  kills = 0;

  constructor(seed: number, scenario: Scenario) {
    this.#random = seeded(seed ^ 0x5eed);
    this.#labels = [...scenario.labels].map(([deviceId, labels]) => ({ deviceId, labels }));
    [this.#windows, this.#writer] = this.#open();
  }

  /** Every stream but one from the start; that one is filled from history in the middle. */
  play({ deliveries }: Scenario): void {
    const { labels, ...first } = STREAMS;
    this.#writer.adopt(Object.values(first), deliveries[0]?.receivedAt ?? 0);
    let now = 0;
    for (const [index, delivery] of deliveries.entries()) {
      now = delivery.receivedAt;
      this.#receive(delivery);
      if (index === Math.floor(deliveries.length / 2)) this.#writer.define(labels, now);
      if (this.#random() < 0.6) this.#step(now);
      if (this.#random() < 0.05) this.#kill();
    }
    this.#settle(now + 3 * DAY_MS);
  }

  windows(stream: string, level: WindowLevel = 'window'): WindowResult[] {
    const query = { stream, level, key: undefined, from: undefined, to: undefined, cursor: undefined } as const;
    const page = new WindowsReads(this.#windows).windows({ ...query, state: 'all', order: 'asc', limit: 100_000 });
    return page.items.filter(({ state }) => state !== 'retracted');
  }

  /** Publications of a window beside its revision: they must be the same. */
  wronglyPublished(): unknown[] {
    return this.#windows
      .prepare(
        `SELECT w.*, count(change) AS times FROM windows w LEFT JOIN changes c ON c.stream_no = w.stream_no
            AND c.level = w.level AND c.key_no = w.key_no AND c.start = w.start
          GROUP BY w.stream_no, w.level, w.key_no, w.start HAVING is_retracted = 0 AND times <> revision AND NOT
            (SELECT name = 'visits' FROM streams s WHERE s.stream_no = w.stream_no)`,
      )
      .all();
  }

  tallied(stream: string): number {
    const { tally } = new WindowsReads(this.#windows).status(stream, 0) ?? {};
    if (tally === undefined) return Number.NaN;
    return tally.windowed + tally.filtered + tally.unkeyed + tally.rolledUp + tally.expired;
  }

  close(): void {
    this.#windows.close();
    this.#played.close();
    rmSync(this.#folder, { recursive: true });
  }

  #open(): [Sqlite, WindowsWriter] {
    const { db } = openForWriting(join(this.#folder, 'windows.db'), 0);
    db.pragma('synchronous = OFF');
    const writer = new WindowsWriter(db, this.#played.log);
    writer.setLabels(this.#labels);
    return [db, writer];
  }

  #receive(delivery: Delivery): void {
    const fresh = this.#played.receive(delivery);
    this.placed.push(...fresh.toSorted((a, b) => a.eventAt - b.eventAt || a.record.sequence - b.record.sequence));
  }

  /** In one of twenty, killed before it commits. */
  #step(now: number): boolean {
    this.#played.log.isDying = this.#random() < 0.05;
    try {
      return this.#writer.step(now, 1 + Math.floor(this.#random() * 100)).isCaughtUp;
    } catch {
      this.#kill();
      return false;
    }
  }

  /** Nothing but the file survives. */
  #kill(): void {
    this.kills += 1;
    this.#windows.close();
    [this.#windows, this.#writer] = this.#open();
  }

  #settle(now: number): void {
    while (!this.#step(now));
    this.#step(now + 2 * MINUTE_MS);
    this.#step(now + 4 * MINUTE_MS);
  }
}
