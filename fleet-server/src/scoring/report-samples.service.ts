/** What the report of a run says of a sample of its entities: their features as of the run, and what their devices said. */
import { Injectable } from '@nestjs/common';
import { QuantileSketch, type Bundle } from '@shoal/models';
import { canTellShift, columnShift, sketchSamples } from '@shoal/models/scoring';
import type { StoredPrediction } from '@shoal/protocol';
import { FleetError } from '../errors.ts';
import { FeatureReader } from '../feature-views/feature-reader.service.ts';
import type { SampledScore } from '../ports/run-digest.ts';
import type { StoredRun } from '../ports/score-store.ts';
import { TelemetryStore } from '../ports/telemetry-store.ts';
import { rankCorrelation, rankDistances } from './report/rank-agreement.ts';
import type { EdgeReport, EdgeScore, FeatureReport, RunReport } from './report/report-content.ts';
import { RunTargets } from './run-targets.service.ts';

const DAY_MS = 86_400_000;
/** Entities whose features are read again, and those whose device is asked for. */
const FEATURES_SAMPLED = 500;
const EDGE_SAMPLED = 200;
/** Asked for at once. */
const AT_ONCE = 25;
const DISAGREEING_SHOWN = 10;

/** Every n-th, so that there are at most so many. */
const thinned = <T>(items: readonly T[], most: number): T[] => {
  const every = Math.max(1, Math.ceil(items.length / most));
  return items.filter((_, index) => index % every === 0);
};

const inParts = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const done: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE)
    done.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(work))));
  return done;
};

@Injectable()
export class ReportSamples {
  private readonly targets: RunTargets;
  private readonly features: FeatureReader;
  private readonly telemetry: TelemetryStore;

  constructor(targets: RunTargets, features: FeatureReader, telemetry: TelemetryStore) {
    this.targets = targets;
    this.features = features;
    this.telemetry = telemetry;
  }

  /** Features are read again as they were known at the run's instant. */
  async featuresOf(run: StoredRun, sample: readonly SampledScore[]): Promise<Pick<RunReport, 'features' | 'sampled'>> {
    const bundle = this.bundleOf(run);
    const { entityView } = bundle?.manifest ?? {};
    const entities = thinned(sample, FEATURES_SAMPLED);
    if (bundle === undefined || bundle.reference === null || entityView === undefined || entities.length === 0)
      return { features: [], sampled: 0 };
    const plan = this.features.plan(entityView);
    const vectors = await inParts(entities, async ({ entity }) =>
      this.features.read(plan, entity, { asOf: run.asOf }).then(
        ({ vector }) => vector,
        (error: unknown) => {
          if (error instanceof FleetError && error.code === 'FEATURE_UNAVAILABLE') return undefined;
          throw error;
        },
      ),
    );
    const known = vectors.filter((vector) => vector !== undefined);
    return { features: driftOf(bundle.reference.features, plan.names, known), sampled: known.length };
  }

  /** The model may be gone, or be another one by now. */
  private bundleOf({ definition, model }: StoredRun): Bundle | undefined {
    try {
      const { bundle } = this.targets.resolve(definition, model.version);
      return bundle.digest === model.digest ? bundle : undefined;
    } catch {
      return undefined;
    }
  }

  async edgeOf({ asOf, columns }: StoredRun, sample: readonly SampledScore[]): Promise<EdgeReport[]> {
    const found = await inParts(thinned(sample, EDGE_SAMPLED), async ({ entity, scores }) => {
      const span = { from: asOf - DAY_MS, to: asOf + 1 };
      const page = { order: 'desc', limit: 1, cursor: undefined } as const;
      const { items } = await this.telemetry.history({ kind: 'predictions', deviceId: entity, ...span, ...page });
      const [prediction] = items;
      return prediction === undefined ? undefined : { entity, scores, ...verdictOf(prediction) };
    });
    const predicted = found.filter((each) => each !== undefined);
    return columns.flatMap(({ name }, column) => {
      const scores = predicted.flatMap(({ entity, edge, alarmed, scores: batches }): EdgeScore[] => {
        const batch = batches[column] ?? null;
        return batch === null ? [] : [{ entity, edge, alarmed, batch }];
      });
      return scores.length === 0 ? [] : [edgeReport(name, scores)];
    });
  }
}

const driftOf = (
  reference: NonNullable<Bundle['reference']>['features'],
  names: readonly string[],
  vectors: readonly (readonly number[])[],
): FeatureReport[] =>
  names
    .flatMap((name, index): FeatureReport[] => {
      const of = Object.hasOwn(reference, name) ? reference[name] : undefined;
      if (of === undefined) return [];
      const sketch = new QuantileSketch();
      for (const vector of vectors) sketch.add(vector[index] ?? Number.NaN);
      const now = sketch.serialize();
      return [
        {
          name,
          now: sketchSamples(now),
          reference: sketchSamples(of),
          shift: canTellShift(of.count, now.count) ? columnShift(of, now) : undefined,
          missingShare: vectors.length === 0 ? 0 : 1 - sketch.count / vectors.length,
        },
      ];
    })
    .sort((a, b) => (b.shift ?? 0) - (a.shift ?? 0));

/** The score by name, else the only thing the model said. */
const verdictOf = ({ outputs, threshold }: StoredPrediction): Pick<EdgeScore, 'edge' | 'alarmed'> => {
  const edge = outputs['score'] ?? Object.values(outputs)[0] ?? Number.NaN;
  return { edge, alarmed: threshold !== undefined && edge > threshold };
};

const edgeReport = (column: string, scores: readonly EdgeScore[]): EdgeReport => {
  const [edge, batch] = [scores.map((each) => each.edge), scores.map((each) => each.batch)];
  const agreement = rankCorrelation(edge, batch);
  if (agreement === undefined) return { column, scores, agreement, disagreeing: [] };
  const distances = rankDistances(edge, batch, agreement);
  const order = Array.from(scores.keys()).sort((a, b) => (distances[b] ?? 0) - (distances[a] ?? 0));
  const disagreeing = order.slice(0, DISAGREEING_SHOWN).flatMap((index) => scores[index] ?? []);
  return { column, scores, agreement, disagreeing };
};
