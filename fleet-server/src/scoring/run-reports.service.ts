/** Makes the report of a run: out of its summary, its rows beside those of the run before, and a sample of its entities. */
import { Injectable } from '@nestjs/common';
import { canTellShift, columnShift, sketchSamples } from '@shoal/models/scoring';
import type { RunDigest } from '../ports/run-digest.ts';
import { ScoreStore, type StoredRun } from '../ports/score-store.ts';
import type { ColumnReport, RunReport } from './report/report-content.ts';
import { ReportSamples } from './report-samples.service.ts';
import { runDocument } from './run-document.ts';
import { ScoringRuns } from './scoring-runs.service.ts';

/** Runs looked through for the one before. */
const RUNS_BACK = 100;

@Injectable()
export class RunReports {
  private readonly store: ScoreStore;
  private readonly runs: ScoringRuns;
  private readonly samples: ReportSamples;

  constructor(store: ScoreStore, runs: ScoringRuns, samples: ReportSamples) {
    this.store = store;
    this.runs = runs;
    this.samples = samples;
  }

  /** Also of a run that goes on or failed: with what there is. @throws FleetError SCORING_RUN_NOT_FOUND */
  async report(runId: string): Promise<RunReport> {
    const run = await this.runs.show(runId);
    const before = await this.publishedBefore(run);
    const digest = await this.store.digest({ job: run.job, runId, against: before?.runId });
    const features = await this.samples.featuresOf(run, digest.sample);
    return {
      run: runDocument(run),
      before: before === undefined ? undefined : runDocument(before),
      columns: columnsOf(run, before, digest),
      ...features,
      edge: await this.samples.edgeOf(run, digest.sample),
      reasons: digest.reasons,
      partitions: digest.partitions,
    };
  }

  /** Of an earlier instant, the latest. */
  private async publishedBefore({ job, asOf }: StoredRun): Promise<StoredRun | undefined> {
    const { items } = await this.store.list({ job, state: 'published', limit: RUNS_BACK, cursor: undefined });
    return items.filter((other) => other.asOf < asOf && other.hasScores).toSorted((a, b) => b.asOf - a.asOf)[0];
  }
}

const columnsOf = (run: StoredRun, before: StoredRun | undefined, digest: RunDigest): ColumnReport[] =>
  (run.summary?.columns ?? []).map(({ name, distribution }, column) => {
    const earlier = before?.summary?.columns.find((other) => other.name === name)?.distribution;
    return {
      name,
      now: sketchSamples(distribution),
      before: earlier === undefined ? [] : sketchSamples(earlier),
      shift:
        earlier !== undefined && canTellShift(earlier.count, distribution.count)
          ? columnShift(earlier, distribution)
          : undefined,
      changed: digest.changed[column] ?? [],
    };
  });
