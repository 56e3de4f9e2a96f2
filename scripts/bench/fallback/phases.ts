/** One agent that asks the fleet for every second window, while the network is cut, the server is slow, and the server dies. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Testbed } from '@shoal/simulators';
import { BenchChild } from '../load/child.ts';
import { BUDGET_MS, SAMPLE_MS, type AgentView, type PacedAgentOrder } from './paced-agent.ts';

const PATIENCE_MS = 60_000;
const LOOK_MS = 50;
/** What an answer may take: its budget and a tenth. */
export const IN_BUDGET_MS = 1.1 * BUDGET_MS;

export interface Phase {
  readonly name: string;
  readonly tookMs: readonly number[];
  readonly answers: Readonly<Record<string, number>>;
  readonly asked: number;
  /** Questions that ended without a usable answer. */
  readonly inVain: number;
  readonly highestQueued: number;
  readonly longestStallMs: number;
}

export interface PhasesResult {
  readonly phases: readonly Phase[];
  readonly opened: number;
  readonly closed: number;
  readonly highestUnderWay: number;
  readonly dropped: number;
  readonly unanswered: number;
  /** By the agent's own clock, since `phases` began. */
  readonly overBudgetByItself: number;
  readonly hardExamples: number;
  readonly faults: readonly string[];
}

type Counts = Readonly<Record<string, number>>;

const sum = (counts: Counts): number => Object.values(counts).reduce((a, b) => a + b, 0);
const since = (after: Counts, before: Counts): Counts =>
  Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]));

class PhasesRun {
  readonly #bed: Testbed;
  readonly #dataDir: string;
  readonly #child = new BenchChild('../fallback/paced-agent');
  readonly #windowsEach: number;
  readonly #log: (line: string) => void;
  readonly #phases: Phase[] = [];
  readonly #faults: string[] = [];
  #highestUnderWay = 0;
  #overBudgetBefore = 0;
  #seen: AgentView | undefined;
  /** Of the phase that is being played. */
  #tookMs: number[] = [];
  #highestQueued = 0;
  #longestStallMs = 0;

  constructor(bed: Testbed, dataDir: string, { windowsEach, log }: PhasesOptions) {
    this.#bed = bed;
    this.#dataDir = join(dataDir, 'phases');
    this.#windowsEach = windowsEach;
    this.#log = log;
  }

  async run(): Promise<PhasesResult> {
    const bed = this.#bed;
    this.#log(`budget ${BUDGET_MS} ms, a window in ${10 * SAMPLE_MS} ms`);
    try {
      await this.#ask('start');
      await this.#must('the first answer of the fleet', ({ answers }) => (answers['cloud'] ?? 0) > 0);
      // The calibration comes in one burst, and the source waits for it.
      await this.#must('windows in step', ({ queued }) => queued === 0);
      this.#overBudgetBefore = (await this.#look()).overBudget;
      await this.#windows('healthy');
      bed.network({ blackhole: true });
      await this.#windows('cut');
      await this.#must('cut: the breaker opens', ({ breaker }) => breaker.opened > 0);
      bed.network(undefined);
      bed.resetConnections();
      await this.#recovery('cut');
      bed.network({ latencyMs: 2 * BUDGET_MS });
      await this.#windows('slow');
      bed.network(undefined);
      await this.#recovery('slow');
      await bed.killServer();
      await this.#windows('dead');
      await this.#phase('server starts', () => bed.startServer());
      await this.#recovery('dead');
      await this.#windows('healthy again');
      const { breaker, dropped, unanswered, overBudget, hardExamples } = await this.#look();
      const { opened, closed } = breaker;
      const watched = { phases: this.#phases, highestUnderWay: this.#highestUnderWay, faults: this.#faults };
      return {
        ...watched,
        opened,
        closed,
        dropped,
        unanswered,
        overBudgetByItself: overBudget - this.#overBudgetBefore,
        hardExamples,
      };
    } finally {
      bed.network(undefined);
      await this.#ask('stop').catch(() => undefined);
      await this.#child.end();
    }
  }

  #windows(name: string): Promise<void> {
    return this.#phase(name, () =>
      this.#must(`${name}: ${this.#windowsEach} answers`, () => this.#tookMs.length >= this.#windowsEach),
    );
  }

  #recovery(from: string): Promise<void> {
    const cloud = this.#seen?.answers['cloud'] ?? 0;
    return this.#phase(`after ${from}`, async () => {
      await this.#must(`${from}: the breaker closes again`, ({ breaker }) => breaker.state === 'closed');
      await this.#must(`${from}: the fleet answers again`, ({ answers }) => (answers['cloud'] ?? 0) > cloud);
    });
  }

  /** Phases follow each other without a gap: every window belongs to one. */
  async #phase(name: string, play: () => Promise<unknown>): Promise<void> {
    const before = this.#seen;
    this.#tookMs = [];
    this.#highestQueued = 0;
    this.#longestStallMs = 0;
    await play();
    const after = await this.#look();
    const phase = {
      name,
      tookMs: this.#tookMs,
      answers: since(after.answers, before?.answers ?? {}),
      asked: sum(after.asked) - sum(before?.asked ?? {}),
      inVain: sum(after.failedQuestions) - sum(before?.failedQuestions ?? {}),
      highestQueued: this.#highestQueued,
      longestStallMs: this.#longestStallMs,
    };
    this.#phases.push(phase);
    const late = phase.tookMs.filter((ms) => ms > IN_BUDGET_MS).map(Math.round);
    const longestMs = Math.max(0, ...phase.tookMs);
    const how = `longest ${Math.round(longestMs)} ms, longest stall ${Math.round(phase.longestStallMs)} ms`;
    const what = `${phase.asked} asked, ${JSON.stringify(phase.answers)}, breaker ${after.breaker.state}`;
    this.#log(`${name}: ${phase.tookMs.length} windows, ${what}, ${how}, late ${JSON.stringify(late)}`);
    const [failed, notAsked] = [after.failedQuestions, after.notAsked].map((counts) => JSON.stringify(counts));
    this.#log(`  so far asked in vain ${failed}, not asked ${notAsked}`);
  }

  async #must(what: string, holds: (view: AgentView) => boolean): Promise<void> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (!holds(await this.#look())) {
      if (performance.now() > giveUpAt) {
        this.#faults.push(`${what} did not come about.`);
        return;
      }
      await pause(LOOK_MS);
    }
  }

  async #look(): Promise<AgentView> {
    const view = await this.#ask<AgentView>('look');
    this.#seen = view;
    this.#tookMs.push(...view.tookMs);
    this.#highestQueued = Math.max(this.#highestQueued, view.highestQueued);
    this.#longestStallMs = Math.max(this.#longestStallMs, view.longestStallMs);
    this.#highestUnderWay = Math.max(this.#highestUnderWay, view.highestUnderWay);
    return view;
  }

  #ask<T>(what: PacedAgentOrder['what']): Promise<T> {
    const order: PacedAgentOrder = { what, devicePort: this.#bed.devicePort, dataDir: this.#dataDir };
    return this.#child.ask<T>(order);
  }
}

export interface PhasesOptions {
  readonly windowsEach: number;
  readonly log: (line: string) => void;
}

export const playPhases = (bed: Testbed, dataDir: string, options: PhasesOptions): Promise<PhasesResult> =>
  new PhasesRun(bed, dataDir, options).run();
