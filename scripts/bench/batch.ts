/** Nightly scoring beside the same done bare, and what readers and live traffic notice of it. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { BareOrder, BareReport } from './batch/bare-loop.ts';
import { besideLive } from './batch/beside-live.ts';
import { ScoringServer } from './batch/scoring-server.ts';
import type { FilledView } from './batch/scored-entities.ts';
import { pssMb } from './edge/process-tree.ts';
import { interleave, median, medianRatio, type Bench, type BenchOptions, type BenchResult } from './harness.ts';
import { BenchChild } from './load/child.ts';

const SCALE = {
  full: { entities: 1_000_000, rounds: 3, single: 30_000, liveS: 6, liveRounds: 3 },
  quick: { entities: 100_000, rounds: 1, single: 5_000, liveS: 2, liveRounds: 1 },
} as const;
const CHUNK_ROWS = 4_096;
/** A look at the memory maps of a process holds it up for a millisecond. */
const LOOK_MS = 200;

class BatchBench {
  readonly #options: BenchOptions;
  readonly #scale: (typeof SCALE)[keyof typeof SCALE];
  readonly #server = new ScoringServer();
  readonly #faults: string[] = [];
  readonly #checksums = new Set<string>();
  #filled: FilledView = { file: '', viewNo: 0 };
  #peakMb = 0;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#scale = options.quick ? SCALE.quick : SCALE.full;
  }

  async run(): Promise<BenchResult> {
    const { entities, rounds, single } = this.#scale;
    const { log } = this.#options;
    try {
      this.#filled = await this.#server.prepare(entities, { chunkRows: CHUNK_ROWS, keepRuns: 2 });
      log(`${entities.toLocaleString('en')} entities are there`);
      const rates = await interleave(
        rounds,
        {
          scored: () => this.#scored(),
          bare: () => this.#bare(CHUNK_ROWS, entities),
          single: () => this.#bare(1, single),
        },
        log,
      );
      if (this.#checksums.size !== 1) this.#faults.push('Runs over the same entities have different checksums.');
      const live = await besideLive(this.#server, {
        seconds: this.#scale.liveS,
        rounds: this.#scale.liveRounds,
        entities,
        log,
      });
      const free = median(rates.scored);
      return {
        figures: {
          entities,
          rows_per_s: free,
          bare_rows_per_s: median(rates.bare),
          single_rows_per_s: median(rates.single),
          vs_bare: medianRatio(rates.scored, rates.bare),
          vs_row_by_row: medianRatio(rates.scored, rates.single),
          rss_mb: this.#peakMb,
          ...live.figures,
          live_rows_ratio: live.rowsPerS / free,
        },
        faults: [...this.#faults, ...live.faults],
      };
    } finally {
      await this.#server.stop();
      this.#server.remove();
    }
  }

  /** Rows a second from taking the run up to publishing it, engine start and checks included. */
  async #scored(): Promise<number> {
    const { id } = await this.#server.submit();
    let isOver = false;
    const watching = (async () => {
      for (; !isOver; await pause(LOOK_MS)) this.#peakMb = Math.max(this.#peakMb, pssMb(this.#server.pid));
    })();
    const run = await this.#server.published(id);
    isOver = true;
    await watching;
    const { summary, startedAt, finishedAt } = run;
    if (summary?.rows !== this.#scale.entities) this.#faults.push(`A run has ${summary?.rows} scores.`);
    this.#checksums.add(summary?.checksum ?? '');
    return (this.#scale.entities * 1_000) / ((finishedAt ?? 0) - (startedAt ?? 0));
  }

  async #bare(rowsAtOnce: number, rows: number): Promise<number> {
    const child = new BenchChild('../batch/bare-loop');
    const order: BareOrder = {
      featuresFile: this.#filled.file,
      viewNo: this.#filled.viewNo,
      modelPath: this.#server.modelPath,
      rowsAtOnce,
      rows,
      outFile: join(this.#server.dataDir, 'bare.db'),
    };
    try {
      const report = await child.ask<BareReport>(order);
      if (report.rows !== rows) this.#faults.push(`The bare loop scored ${report.rows} of ${rows} rows.`);
      return report.perSecond;
    } finally {
      await child.end();
    }
  }
}

export const bench: Bench = {
  name: 'batch',
  about: 'a nightly run over many entities, beside the same done bare, and beside live traffic',
  run: (options) => new BatchBench(options).run(),
};
