/** Three times as many requests as the server can answer, from somebody who does not wait: what it promised it keeps, the rest it refuses at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, type Bench, type BenchOptions, type BenchResult } from './harness.ts';
import { BenchChild } from './load/child.ts';
import { seeded } from './load/pump-records.ts';
import { ServerUnderTest } from './load/server-under-test.ts';
import type { ClosedReport, LoadOrder, OpenReport } from './serving/http-load.ts';
import { network, writeNetworkBundle } from './serving/network-model.ts';

/** Heavy enough that the model is what limits the server, light enough that its generator has room beside it. */
const WIDTHS = [32, 4_096, 2_048, 1];
const MAX_BATCH_ROWS = '4';
const CLIENTS = 16;
const DEADLINE_MS = 250;
const OVERLOAD = 3;
const ROUNDS = { full: 5, quick: 2 } as const;
const SECONDS = { full: 8, quick: 4 } as const;
const WARM_SECONDS = 2;

interface Round {
  readonly capacity: number;
  readonly report: OpenReport;
}

const keptPct = ({ inTime, late, broken }: OpenReport): number => (inTime / Math.max(1, inTime + late + broken)) * 100;

class OverloadRun {
  readonly #options: BenchOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-overload-'));
  readonly #server = new ServerUnderTest();
  readonly #load = new BenchChild('../serving/http-load');
  readonly #row: readonly number[];

  constructor(options: BenchOptions) {
    this.#options = options;
    const random = seeded(13);
    this.#row = Array.from({ length: WIDTHS[0] ?? 1 }, () => Math.fround(random() * 2 - 1));
  }

  async run(): Promise<BenchResult> {
    const size = this.#options.quick ? 'quick' : 'full';
    try {
      const layers = network(WIDTHS);
      const bundle = await writeNetworkBundle(join(this.#folder, 'bundles'), { layers, row: this.#row });
      await this.#server.start({
        SHOAL_INFERENCE_CATALOGUE: 'leave',
        SHOAL_INFERENCE_BUNDLE_FOLDERS: bundle,
        SHOAL_INFERENCE_MAX_BATCH_ROWS: MAX_BATCH_ROWS,
        SHOAL_LOG_LEVEL: 'warn',
      });
      await this.#server.modelsReady();
      await this.#capacity(WARM_SECONDS);
      await this.#overload(await this.#capacity(1), WARM_SECONDS);
      const before = this.#server.residentKb();
      const rounds: Round[] = [];
      for (let round = 1; round <= ROUNDS[size]; round += 1) rounds.push(await this.#round(round, SECONDS[size]));
      return this.#result(rounds, (this.#server.residentKb() - before) / 1_024);
    } finally {
      await this.#load.end();
      await this.#server.stop();
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  /** Capacity before and after, so that a drift of the machine is not taken for the server's. */
  async #round(round: number, seconds: number): Promise<Round> {
    const before = await this.#capacity(seconds / 2);
    const report = await this.#overload(before, seconds);
    const capacity = (before + (await this.#capacity(seconds / 2))) / 2;
    const { inTime, refuseP99, behindMs, connections } = report;
    this.#options.log(
      `round ${round}  capacity ${Math.round(capacity)}/s, answered ${Math.round(inTime / seconds)}/s, kept ${keptPct(report).toFixed(2)} %, refusals p99 ${refuseP99.toFixed(1)} ms, generator behind ${behindMs.toFixed(0)} ms, ${connections} at once`,
    );
    return { capacity, report };
  }

  /** Answers per second to clients that wait for them. */
  async #capacity(seconds: number): Promise<number> {
    const { perSecond } = await this.#load.ask<ClosedReport>({
      ...this.#target(),
      what: 'closed',
      clients: CLIENTS,
      seconds,
    } satisfies LoadOrder);
    return perSecond;
  }

  #overload(capacity: number, seconds: number): Promise<OpenReport> {
    const terms = { perSecond: capacity * OVERLOAD, seconds, deadlineMs: DEADLINE_MS };
    return this.#load.ask<OpenReport>({ ...this.#target(), ...terms, what: 'open' } satisfies LoadOrder);
  }

  #target() {
    const input = { name: 'x', datatype: 'FP32', shape: [1, this.#row.length], data: this.#row };
    const body = JSON.stringify({ parameters: { timeout: DEADLINE_MS * 1_000 }, inputs: [input] });
    return { port: this.#server.httpPort, path: '/v2/models/bench-network/infer', bodies: [body] };
  }

  #result(rounds: readonly Round[], grownMb: number): BenchResult {
    const seconds = SECONDS[this.#options.quick ? 'quick' : 'full'];
    const of = (figure: (round: Round) => number): number => median(rounds.map(figure));
    const failures = rounds.reduce((sum, { report }) => sum + report.failures, 0);
    return {
      figures: {
        capacity_per_second: of(({ capacity }) => capacity),
        offered_per_second: of(({ report }) => report.sent / seconds),
        deadline_ms: DEADLINE_MS,
        deadline_kept_pct: of(({ report }) => keptPct(report)),
        goodput_ratio: of(({ capacity, report }) => report.inTime / seconds / capacity),
        refuse_p99_ms: of(({ report }) => report.refuseP99),
        answer_p99_ms: of(({ report }) => report.answerP99),
        refused_pct: of(
          ({ report }) => (Object.values(report.refused).reduce((sum, count) => sum + count, 0) / report.sent) * 100,
        ),
        generator_behind_ms: of(({ report }) => report.behindMs),
        rss_growth_mb: grownMb,
      },
      faults: failures > 0 ? [`${failures} requests neither answered nor refused by name`] : [],
    };
  }
}

export const bench: Bench = {
  name: 'overload',
  about: `inference at ${OVERLOAD} times the capacity: deadlines kept, goodput, refusals, memory`,
  run: (options) => new OverloadRun(options).run(),
};
