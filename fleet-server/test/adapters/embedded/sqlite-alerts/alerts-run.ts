/** A scenario played into the real telemetry log and the real file of alerts, with kills in between, inside of steps, and while handing on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Alert, AlertPreviewAnswer, AlertRule } from '@shoal/protocol';
import { previewRule } from '../../../../src/adapters/embedded/sqlite-alerts/alert-preview.ts';
import { openForWriting, type Sqlite } from '../../../../src/adapters/embedded/sqlite-alerts/alerts-file.ts';
import { AlertsReads } from '../../../../src/adapters/embedded/sqlite-alerts/alerts-reads.ts';
import { AlertsWriter } from '../../../../src/adapters/embedded/sqlite-alerts/alerts-writer.ts';
import { FollowedWindows } from '../../../../src/adapters/embedded/sqlite-alerts/followed-windows.ts';
import type { AlertIntent } from '../../../../src/ports/alert-store.ts';
import { PlayedLog } from '../played-log.ts';
import type { PlacedRecord } from '../sqlite-windows/stream-oracle.ts';
import { seeded, type Delivery, type Scenario } from '../sqlite-windows/stream-scenario.ts';
import { RULES } from './test-rules.ts';

const NO_WINDOWS = { head: () => 0, read: () => ({ changes: [], position: 0, isEnd: true }) };

export interface LoggedRecord extends PlacedRecord {
  readonly receivedAt: number;
}

export class AlertsRun {
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-alerts-'));
  readonly #played = new PlayedLog(this.#folder);
  readonly #devices: { deviceId: string; labels: Record<string, string>; isConnected: boolean; contactAt: number }[];
  readonly #random;
  /** In the order of the log. */
  readonly logged: LoggedRecord[] = [];
  /** What the deliveries were handed, by id; the same id again has to be the same. */
  readonly handed = new Map<string, AlertIntent>();
  readonly #firstAt: number;
  #db: Sqlite;
  #writer: AlertsWriter;
  kills = 0;

  constructor(seed: number, scenario: Scenario) {
    this.#random = seeded(seed ^ 0xa1e7);
    this.#firstAt = scenario.deliveries[0]?.receivedAt ?? 0;
    this.#devices = [...scenario.labels].map(([deviceId, labels]) => ({
      deviceId,
      labels,
      isConnected: true,
      contactAt: 0,
    }));
    [this.#db, this.#writer] = this.#open();
    this.#writer.step(this.#firstAt, 1);
  }

  play({ deliveries }: Scenario): void {
    let now = this.#firstAt;
    for (const delivery of deliveries) {
      now = delivery.receivedAt;
      this.#receive(delivery);
      if (this.#random() < 0.6) this.#step(now);
      if (this.#random() < 0.3) this.#handOn();
      if (this.#random() < 0.05) this.#kill();
    }
    while (!this.#step(now));
    while (this.#handOn());
  }

  alerts(rule: string, key: string): Alert[] {
    const page = new AlertsReads(this.#db).alerts({ rule, key, limit: 100_000 });
    return page.items.toReversed();
  }

  /** What a dry run over the same log says. */
  preview(rule: AlertRule): Promise<AlertPreviewAnswer> {
    this.#played.log.isDying = false;
    const windows = new FollowedWindows('');
    const world = { log: this.#played.log, windows, devices: this.#devices, now: this.#firstAt };
    const span = { from: 0, to: Number.MAX_SAFE_INTEGER, limit: 100_000 };
    return previewRule({ rule, ...span }, { ...world, breathe: () => Promise.resolve() });
  }

  close(): void {
    this.#db.close();
    this.#played.close();
    rmSync(this.#folder, { recursive: true });
  }

  #open(): [Sqlite, AlertsWriter] {
    const { db } = openForWriting(join(this.#folder, 'alerts.db'), 0);
    db.pragma('synchronous = OFF');
    const writer = new AlertsWriter(db, this.#played.log, NO_WINDOWS);
    writer.setDevices(this.#devices, this.#firstAt);
    writer.adopt(Object.values(RULES), this.#firstAt);
    return [db, writer];
  }

  #receive(delivery: Delivery): void {
    const { receivedAt } = delivery;
    this.logged.push(...this.#played.receive(delivery).map((record) => ({ ...record, receivedAt })));
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

  /** In one of four, killed between the two. @returns whether there was something */
  #handOn(): boolean {
    const intents = new AlertsReads(this.#db).intents(10);
    for (const intent of intents) {
      const known = this.handed.get(intent.id);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(intent))
        throw new Error(`${intent.id} differs`);
      this.handed.set(intent.id, intent);
    }
    const last = intents.at(-1);
    if (last === undefined) return false;
    if (this.#random() < 0.25) this.#kill();
    else this.#writer.handedOn(last.intent);
    return true;
  }

  /** Nothing but the file survives. */
  #kill(): void {
    this.kills += 1;
    this.#db.close();
    [this.#db, this.#writer] = this.#open();
  }
}
