/** One run from its order to its end: what is listed, partition by partition, and what it came to. */
import { setTimeout } from 'node:timers/promises';
import { asModelError } from '@shoal/models';
import type { QuarantinedRow } from '@shoal/protocol';
import type { EntityOrigin, RunEnd, RunOrder } from '../../../ports/score-runner.ts';
import { encodeBlocks } from '../sqlite-scores/score-block.ts';
import type { ChunkLedger, LeasedPartition, RunTotals } from '../sqlite-scores/chunk-ledger.ts';
import type { RowScorer, ScoredBatch } from './batch-engine.ts';
import { CarriedRows, joined, type SplitRows } from './carried-rows.ts';
import { ChunkReader, type ReadChunk } from './chunk-reader.ts';
import { openSource, type SourceFiles } from './entity-source.ts';
import { KnownStates } from './known-states.ts';
import { summarize, type RunCounts } from './run-summary.ts';
import { VectorRows } from './vector-rows.ts';

/** Chunks of a partition: what a retry reads again at most, and how often progress has a whole part to show. */
const CHUNKS_PER_PARTITION = 16;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 30_000;
const NOTHING: RunCounts = { quarantined: 0, done: 0 };

export interface RunParts {
  readonly files: SourceFiles;
  readonly ledger: ChunkLedger;
  readonly openEngine: () => Promise<RowScorer>;
  /** Stops after the chunk under way. */
  readonly stop: AbortSignal;
  readonly now: () => number;
}

type PartEnd = 'done' | 'gone' | RunEnd;

interface NextChunk {
  readonly read: ReadChunk;
  /** Undefined: all of it is scored, whatever was scored before. */
  readonly split: SplitRows | undefined;
}

export class ScoringRun {
  readonly #order: RunOrder;
  readonly #parts: RunParts;
  #engine: RowScorer | undefined;

  constructor(order: RunOrder, parts: RunParts) {
    this.#order = order;
    this.#parts = parts;
  }

  /** @throws SQLite's errors when scores cannot be written or features read */
  async execute(): Promise<RunEnd> {
    try {
      return await this.#score();
    } finally {
      await this.#engine?.close();
    }
  }

  async #score(): Promise<RunEnd> {
    const { runNo } = this.#order;
    const { ledger, stop, now } = this.#parts;
    if (!this.#order.isPlanned) await this.#plan();
    while (!stop.aborted) {
      const leased = ledger.lease(runNo, now());
      if (leased === 'gone') break;
      if (leased === 'done') return { kind: 'complete', summary: await this.#summary() };
      if (leased === 'busy') {
        await this.#rest(FIRST_REST_MS);
        continue;
      }
      const end = await this.#attempt(leased);
      if (typeof end === 'object') return end;
      if (end === 'gone') break;
    }
    return { kind: 'stopped' };
  }

  /** What the ledger says, read anew: a run that was taken up again scored only the rest. */
  async #summary() {
    const { files } = this.#parts;
    const counts = files.scores
      .prepare<[number], RunCounts>(
        'SELECT total(quarantined) AS quarantined, total(done_rows) AS done FROM partitions WHERE run_no = ?',
      )
      .get(this.#order.runNo);
    return summarize(files.scores, this.#order, counts ?? NOTHING);
  }

  async #plan(): Promise<void> {
    const { runNo, baseNo, origin, chunkRows } = this.#order;
    const { files, ledger } = this.#parts;
    const quarantined = origin.kind === 'file' ? await this.#staged(origin) : [];
    const source = openSource(files, origin, runNo);
    const { expected, ranges } = source.partitions(chunkRows * CHUNKS_PER_PARTITION);
    ledger.plan({ runNo, baseNo, expected: expected + quarantined.length, ranges, quarantined });
  }

  /** What reads files is loaded for them alone: it is a third of what a run has in memory before its first row. */
  async #staged(origin: Extract<EntityOrigin, { kind: 'file' }>): Promise<readonly QuarantinedRow[]> {
    const { stageFile } = await import('./staged-file.ts');
    return stageFile(this.#order, origin, this.#parts.ledger);
  }

  /** An attempt that fails for a reason that can pass is made again, with another engine, as often as the job says. */
  async #attempt(leased: LeasedPartition): Promise<PartEnd> {
    const { runNo, retries } = this.#order;
    const { partNo, fence, failures } = leased;
    try {
      this.#engine ??= await this.#parts.openEngine();
      return await this.#partition(leased, this.#engine);
    } catch (error) {
      const fault = asModelError(error, 'ENGINE_CRASHED');
      if (fault !== error) throw error;
      this.#parts.ledger.release({ runNo, partNo, fence });
      if (failures >= retries) return { kind: 'failed', code: fault.code, message: fault.message };
      await this.#engine?.close();
      this.#engine = undefined;
      await this.#rest(Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** failures));
      return 'done';
    }
  }

  /**
   * The next chunk is read while this one is scored and written. It is given to the model only after the commit, so that no more than
   * one chunk is ever scored again.
   */
  async #partition(leased: LeasedPartition, engine: RowScorer): Promise<PartEnd> {
    const next = this.#chunks(leased, engine);
    let chunk = await next(leased.from);
    for (;;) {
      const { read, split } = chunk;
      const scoring = engine.score(split?.changed ?? read);
      const reading = read.isLast ? undefined : next(read.last);
      // It is awaited below; what it fails with meanwhile is heard there.
      reading?.catch(() => undefined);
      const scored = await scoring;
      const totals = this.#commit(leased, chunk, scored);
      if (totals === 'gone') return 'gone';
      const failed = this.#tooMany(totals);
      if (failed !== undefined) return failed;
      if (reading === undefined) return 'done';
      if (this.#parts.stop.aborted) return 'gone';
      chunk = await reading;
    }
  }

  /** @returns what reads the chunk after an entity */
  #chunks({ to }: LeasedPartition, engine: RowScorer): (from: string) => Promise<NextChunk> {
    const { isIncremental, baseNo, columns, chunkRows } = this.#order;
    const reader = this.#reader(engine);
    const carried = isIncremental ? new CarriedRows(this.#parts.files.scores, baseNo, columns) : undefined;
    return async (from) => {
      const read = await reader.read(from, to, chunkRows);
      return { read, split: await carried?.split(read) };
    };
  }

  #commit(
    { partNo, fence }: LeasedPartition,
    { read: { last, isLast, skipped, quarantined }, split }: NextChunk,
    scored: ScoredBatch,
  ): RunTotals | 'gone' {
    const rows = split === undefined ? { ...scored, carried: 0 } : joined(split, scored);
    return this.#parts.ledger.commit({
      runNo: this.#order.runNo,
      partNo,
      fence,
      last,
      isLast,
      rows: rows.entities.length,
      carried: rows.carried,
      skipped,
      blocks: encodeBlocks(rows),
      quarantined: [...quarantined, ...scored.quarantined],
      now: this.#parts.now(),
    });
  }

  #reader(engine: RowScorer): ChunkReader {
    const { origin, layout, asOf, runNo } = this.#order;
    const { files } = this.#parts;
    return new ChunkReader({
      source: openSource(files, origin, runNo),
      states: new KnownStates(files.features, layout.views, asOf),
      vectors: new VectorRows(layout, asOf, engine.refusesNaN),
      view: origin.kind === 'view' ? { viewNo: origin.viewNo, of: viewIn(layout, origin.viewNo) } : undefined,
    });
  }

  #tooMany({ quarantined, expected }: { quarantined: number; expected: number }): RunEnd | undefined {
    const most = (expected * this.#order.maxQuarantinedPct) / 100;
    if (quarantined <= most) return undefined;
    const message = `${quarantined} of ${expected} rows could not be scored, at most ${this.#order.maxQuarantinedPct} % may; see the quarantine of the run.`;
    return { kind: 'failed', code: 'SCORING_TOO_MANY_QUARANTINED', message };
  }

  async #rest(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#parts.stop }).catch(() => undefined);
  }
}

const viewIn = ({ views }: RunOrder['layout'], viewNo: number): number =>
  views.findIndex((view) => view.viewNo === viewNo);
