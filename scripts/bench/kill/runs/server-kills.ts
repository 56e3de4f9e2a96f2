/** Kills the server under load again and again, and looks after each kill at what it left. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { inspectCrash } from '../database/crash-copy.ts';
import { openIngestRecords, openIngestRecordsFrom } from '../database/ingest-records.ts';
import { compareContents } from '../load/load-contents.ts';
import { LoadGenerator } from '../load/load-generator.ts';
import { LoadLedger } from '../load/load-ledger.ts';
import type { LoadReport } from '../load/load-messages.ts';
import { ServerProgram } from '../processes/server-program.ts';
import { Tally } from './tally.ts';

export interface ServerKillOptions {
  /** Kills with messages in flight to reach. */
  readonly killsUnderLoad: number;
  readonly seed: string;
  readonly random: () => number;
  readonly log: (line: string) => void;
}

export interface ServerKillResult {
  readonly kills: number;
  readonly killsUnderLoad: number;
  /** Kills before the server had said that it was ready. */
  readonly killsInRecovery: number;
  readonly acknowledged: number;
  readonly stored: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly integrityFailures: number;
  readonly restartMs: readonly number[];
  /** Sentences; each is a fault. */
  readonly faults: readonly string[];
}

const LOAD = { devices: 32, window: 4, thinkMs: 80, maxMessagesPerDevice: 1_000_000 };
/** Uptime under load before a kill, uniform up to this. */
const UPTIME_MS = 1_300;
const RECOVERY_KILL_SHARE = 0.2;
const RECOVERY_MS = 700;
const WAIT_MS = 30_000;

class ServerKills {
  private readonly options: ServerKillOptions;
  private readonly ledger: LoadLedger;
  private readonly tally = new Tally();
  private readonly restartMs: number[] = [];
  private readonly server: ServerProgram;

  constructor(options: ServerKillOptions, dataDir: string) {
    this.options = options;
    this.server = new ServerProgram(dataDir);
    this.ledger = new LoadLedger(options.seed);
  }

  async run(): Promise<ServerKillResult> {
    await this.server.start();
    const { killsUnderLoad: target, seed, log } = this.options;
    const bornAt = Date.now() - 24 * 3_600_000;
    const load = await LoadGenerator.start({ ...LOAD, port: this.server.mqttPort, bornAt, seed });
    try {
      for (let kill = 1; this.tally.get('underLoad') < target && kill <= target * 2; kill += 1) {
        await this.killUnderLoad(load);
        await this.killInRecovery();
        const startedAt = performance.now();
        await this.server.start();
        this.restartMs.push(performance.now() - startedAt);
        if (kill % 10 === 0)
          log(`server killed ${this.tally.get('kills')} times, ${this.ledger.records} records acknowledged`);
      }
      return await this.conclude(load);
    } finally {
      await load.stop();
      await this.server.kill();
    }
  }

  private async killUnderLoad(load: LoadGenerator): Promise<void> {
    await this.reports(load, ({ readyDevices }) => readyDevices > LOAD.devices / 2);
    await pause(this.options.random() * UPTIME_MS);
    await this.server.kill();
    this.tally.add('kills', 1);
    let inFlight = 0;
    await this.reports(load, ({ inFlightAtLoss, readyDevices }) => {
      inFlight += inFlightAtLoss;
      return readyDevices === 0;
    });
    if (inFlight > 0) this.tally.add('underLoad', 1);
    this.inspect();
  }

  /** A server that dies while it mends what the last kill left. */
  private async killInRecovery(): Promise<void> {
    if (this.options.random() >= RECOVERY_KILL_SHARE) return;
    await this.server.killInRecovery(this.options.random() * RECOVERY_MS);
    this.tally.add('kills', 1);
    this.tally.add('inRecovery', 1);
  }

  /** Everything acknowledged so far must be in what lies on disk, before anybody mends or sends it again. */
  private inspect(): void {
    const { lowestUnchecked } = this.ledger;
    if (lowestUnchecked === Infinity) return;
    try {
      inspectCrash(this.server.dataDir, openIngestRecordsFrom(lowestUnchecked), (stored) => {
        const damage = stored.faults();
        if (damage.length > 0) this.tally.fault('integrityFailures', `After a kill: ${damage[0]}.`);
        this.tally.addFindings(this.ledger.compareNew(stored));
      });
    } catch (error) {
      this.tally.fault('integrityFailures', `After a kill the telemetry file cannot be read: ${String(error)}.`);
    }
  }

  private async conclude(load: LoadGenerator): Promise<ServerKillResult> {
    const last = await load.drain(WAIT_MS, (report) => this.ledger.add(report));
    if (last.waiting > 0) this.tally.fault('undelivered', `${last.waiting} messages were never acknowledged.`);
    if (last.regressions > 0) {
      this.tally.fault(
        'regressions',
        `${last.regressions} births were answered with less than was acknowledged before.`,
      );
    }
    const contents = await compareContents(this.server.httpUrl, load.plan);
    if (contents.altered > 0)
      this.tally.fault('altered', `${contents.altered} records altered: ${contents.examples[0]}.`);
    if ((await this.server.stop()) !== true) this.tally.fault('stops', 'The server did not stop by itself on SIGTERM.');
    const stored = inspectCrash(this.server.dataDir, openIngestRecords, (records) => {
      this.tally.addFindings(this.ledger.compareAll(records));
      return records.rows();
    });
    // Everything made was acknowledged in the end, so one row more is a duplicate, and one that the API hides is lost.
    this.tally.add('duplicated', Math.max(0, stored - this.ledger.records));
    if (contents.records !== stored) {
      this.tally.fault('hidden', `The API gives ${contents.records} records, the file holds ${stored}.`);
    }
    return {
      kills: this.tally.get('kills'),
      killsUnderLoad: this.tally.get('underLoad'),
      killsInRecovery: this.tally.get('inRecovery'),
      acknowledged: this.ledger.records,
      stored,
      lost: this.tally.get('lost'),
      duplicated: this.tally.get('duplicated'),
      integrityFailures: this.tally.get('integrityFailures'),
      restartMs: this.restartMs,
      faults: this.tally.faults,
    };
  }

  /** Reads reports into the ledger until one satisfies. */
  private async reports(load: LoadGenerator, satisfies: (report: LoadReport) => boolean): Promise<void> {
    for (const deadline = Date.now() + WAIT_MS; ; await pause(20)) {
      const report = await load.report();
      this.ledger.add(report);
      if (satisfies(report)) return;
      if (Date.now() > deadline)
        throw new Error(`The load got stuck: ${JSON.stringify({ ...report, acknowledged: [] })}.`);
    }
  }
}

export const killServers = async (options: ServerKillOptions): Promise<ServerKillResult> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'shoal-kill-'));
  try {
    return await new ServerKills(options, dataDir).run();
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
};
