/** Kills the server while it is asked and while it answers, and counts in the end what became of every request. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Page, PredictionTicket } from '@shoal/protocol';
import { HeardAnswers } from './heard-answers.ts';
import { readFinalQueue, readLeftQueue, type FinalQueue, type LeftQueue } from './left-queue.ts';
import { QueueServer } from './queue-server.ts';
import { compareShown, type ShownVerdict } from './shown-tickets.ts';
import { Submitters } from './submitters.ts';

export interface QueueKillOptions {
  readonly requests: number;
  /** Kills with open tickets to reach. */
  readonly kills: number;
  readonly random: () => number;
  readonly log: (line: string) => void;
}

export interface QueueKillResult {
  readonly kills: number;
  readonly killsUnderLoad: number;
  readonly killsInRecovery: number;
  readonly acknowledged: number;
  readonly broken: number;
  readonly shown: ShownVerdict;
  readonly queue: FinalQueue;
  /** Runs that were given to a model before a kill and once more after it, kill by kill. */
  readonly recomputed: readonly number[];
  readonly batchRows: number;
  readonly submitsPerS: number;
  readonly resultsPerS: number;
  readonly faults: readonly string[];
}

const LOOK_MS = 20;
const PATIENCE_MS = 120_000;
/** After a random share of what is asked in its turn, and at most so long. */
const MOMENT_MS = 400;
const MOMENT_LOOK_MS = 2;
const RECOVERY_KILL_SHARE = 0.15;
const RECOVERY_MS = 900;
const MS_PER_SECOND = 1_000;

class QueueKills {
  readonly #options: QueueKillOptions;
  readonly #server = new QueueServer();
  readonly #asking = new Submitters(() => this.#server.httpUrl);
  readonly #hearing = new HeardAnswers();
  readonly #left: LeftQueue[] = [];
  readonly #faults: string[] = [];
  #kills = 0;
  #inRecovery = 0;
  #underLoad = 0;

  constructor(options: QueueKillOptions) {
    this.#options = options;
  }

  async run(): Promise<QueueKillResult> {
    const { requests, kills, log } = this.#options;
    try {
      await this.#server.prepare();
      await this.#hearing.subscribe(this.#server.mqttUrl);
      this.#asking.start();
      let allowed = 0;
      for (let turn = 1; this.#underLoad < kills && turn <= 2 * kills; turn += 1) {
        allowed += Math.floor((requests - allowed) / (kills - this.#underLoad + 1));
        await this.#killWhileAsking(allowed);
        if (turn % 5 === 0) log(`killed ${this.#kills} times, ${this.#asking.acknowledged.size} tickets acknowledged`);
      }
      const rates = await this.#askTheRest();
      return await this.#conclude(rates);
    } finally {
      await this.#asking.stop();
      this.#hearing.end();
      await this.#server.kill();
      this.#server.remove();
    }
  }

  async #killWhileAsking(allowed: number): Promise<void> {
    const { random } = this.#options;
    const before = this.#asking.acknowledged.size;
    this.#asking.allow(allowed);
    const share = before + Math.floor(random() * (allowed - before));
    await this.#until('requests are acknowledged', () => this.#asking.acknowledged.size >= share);
    await this.#moment();
    await this.#server.kill();
    this.#kills += 1;
    this.#look();
    if (random() < RECOVERY_KILL_SHARE) {
      await this.#server.killInRecovery(random() * RECOVERY_MS);
      this.#kills += 1;
      this.#inRecovery += 1;
      this.#look();
    }
    await this.#server.start();
    await this.#hearing.subscribe(this.#server.mqttUrl);
  }

  /** A random one, while tickets are open: a fast machine has answered them all long before a slow one. */
  async #moment(): Promise<void> {
    const { random } = this.#options;
    const told = this.#hearing.heard.size;
    const tellable = told + random() * (this.#asking.acknowledged.size - told);
    const latestAt = performance.now() + random() * MOMENT_MS;
    while (this.#hearing.heard.size < tellable && performance.now() < latestAt) await pause(MOMENT_LOOK_MS);
  }

  #look(): void {
    const left = readLeftQueue(this.#server.dataDir);
    this.#left.push(left);
    if (left.openTickets > 0) this.#underLoad += 1;
    for (const fault of left.faults) this.#faults.push(`After a kill the queue is damaged: ${fault}.`);
  }

  /** Without a kill, so that it can be timed. */
  async #askTheRest(): Promise<Pick<QueueKillResult, 'submitsPerS' | 'resultsPerS'>> {
    const { requests } = this.#options;
    await this.#until('earlier tickets are answered', () => this.#isIdle());
    const before = this.#asking.acknowledged.size;
    const startedAt = performance.now();
    this.#asking.allow(requests);
    await this.#until('all requests are acknowledged', () => this.#asking.acknowledged.size >= requests);
    const askedMs = performance.now() - startedAt;
    await this.#until('all tickets are answered', () => this.#isIdle());
    const answeredMs = performance.now() - startedAt;
    const perSecond = (ms: number): number => (MS_PER_SECOND * (requests - before)) / ms;
    return { submitsPerS: perSecond(askedMs), resultsPerS: perSecond(answeredMs) };
  }

  async #isIdle(): Promise<boolean> {
    for (const state of ['queued', 'running']) {
      const { items } = await this.#server.get<Page<PredictionTicket>>(`/api/predictions?state=${state}&limit=1`);
      if (items.length > 0) return false;
    }
    return this.#asking.inFlight === 0;
  }

  async #conclude(rates: Pick<QueueKillResult, 'submitsPerS' | 'resultsPerS'>): Promise<QueueKillResult> {
    const { acknowledged, broken, changedTickets, refused } = this.#asking;
    const shown = await compareShown({ httpUrl: this.#server.httpUrl, acknowledged, heard: this.#hearing.heard });
    if (!(await this.#server.stop())) this.#faults.push('The server did not stop by itself on SIGTERM.');
    const queue = readFinalQueue(this.#server.dataDir);
    if (changedTickets.length > 0)
      this.#faults.push(`${changedTickets.length} keys got another ticket when asked again.`);
    for (const [status, count] of refused) this.#faults.push(`${count} requests were refused with ${status}.`);
    return {
      kills: this.#kills,
      killsUnderLoad: this.#underLoad,
      killsInRecovery: this.#inRecovery,
      acknowledged: acknowledged.size,
      broken,
      shown,
      queue,
      recomputed: this.#left.map(({ begun }) => recomputed(begun, queue.attempts)),
      batchRows: this.#server.batchRows,
      ...rates,
      faults: this.#faults,
    };
  }

  async #until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; !(await isSo()); await pause(LOOK_MS)) {
      if (Date.now() > deadline) throw new Error(`It did not come true that ${what}.`);
    }
  }
}

const recomputed = (begun: LeftQueue['begun'], inTheEnd: ReadonlyMap<number, number>): number =>
  [...begun].filter(([runNo, attempts]) => (inTheEnd.get(runNo) ?? attempts) > attempts).length;

export const killQueue = (options: QueueKillOptions): Promise<QueueKillResult> => new QueueKills(options).run();
