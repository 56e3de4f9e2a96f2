/** A backtest of models of entity features: every entity at every as-of instant, with what was known of it by then. */
import type { BacktestVerdict, EntityTally } from '@shoal/models/backtest';
import type { BacktestModel } from '../../../ports/backtest-runner.ts';
import { ChunkReader } from '../score-runner/chunk-reader.ts';
import { viewSource } from '../score-runner/entity-source.ts';
import { KnownStates } from '../score-runner/known-states.ts';
import { VectorRows } from '../score-runner/vector-rows.ts';
import type { Sqlite } from '../sqlite-features/features-file.ts';
import type { AskedModel } from './asked-model.ts';
import type { BacktestRun } from './windowed-backtest.ts';

const CHUNK_ENTITIES = 2_048;

/** The view whose entities are looked at: the first that the base pins. */
const viewNoOf = ({ layout }: BacktestModel): number => layout?.views[0]?.viewNo ?? -1;

export const countEntities = (features: Sqlite, champion: BacktestModel): number =>
  viewSource(features, viewNoOf(champion)).partitions(1_000_000).expected;

/** Ascending, the last one at the end of the span. */
const instants = ({ from, to, everyMs }: BacktestRun['order']): number[] =>
  Array.from({ length: Math.max(1, Math.ceil((to - from) / everyMs)) }, (_, i) => to - i * everyMs).reverse();

class AsOfRows {
  readonly #reader: ChunkReader;
  readonly #model: AskedModel;
  readonly #unanswered: (code: string) => void;

  constructor(parts: {
    readonly features: Sqlite;
    readonly viewNo: number;
    readonly asOf: number;
    readonly asked: BacktestModel;
    readonly model: AskedModel;
    readonly unanswered: (code: string) => void;
  }) {
    const { features, viewNo, asOf, asked, model } = parts;
    const layout = asked.layout ?? { names: [], views: [], picks: [] };
    const of = layout.views.findIndex((view) => view.viewNo === viewNo);
    this.#model = model;
    this.#unanswered = parts.unanswered;
    this.#reader = new ChunkReader({
      source: viewSource(features, viewNo),
      states: new KnownStates(features, layout.views, asOf),
      vectors: new VectorRows(layout, asOf, model.refusesNaN),
      view: of === -1 ? undefined : { of, viewNo },
    });
  }

  async read(from: string, span: { readonly startAt: number; readonly endAt: number }) {
    const chunk = await this.#reader.read(from, null, CHUNK_ENTITIES);
    for (const { reason } of chunk.quarantined) this.#unanswered(reason);
    const { entities, matrix } = chunk;
    const judged = entities.length === 0 ? [] : await this.#model.judge(entities.length, matrix);
    const verdicts = new Map<string, BacktestVerdict>();
    for (const { row, label, exceeded, outputs } of judged)
      verdicts.set(entities[row] ?? '', { ...span, label, exceeded, outputs });
    return { verdicts, last: chunk.last, isLast: chunk.isLast };
  }
}

/** @throws ModelError when an engine is out of service, SQLite's errors when features cannot be read */
export const backtestEntities = async (features: Sqlite, run: BacktestRun): Promise<void> => {
  const { order, models, tally, stop, onEntity } = run;
  const viewNo = viewNoOf(order.champion);
  const sides = instants(order).map((asOf) => {
    const of = (side: 'champion' | 'candidate'): AsOfRows =>
      new AsOfRows({
        features,
        viewNo,
        asOf,
        asked: order[side],
        model: models[side],
        unanswered: (code) => tally[side].unanswered(code, 1),
      });
    return {
      span: { startAt: asOf - order.everyMs, endAt: asOf },
      champion: of('champion'),
      candidate: of('candidate'),
    };
  });
  for (let from = ''; ;) {
    const entities = new Map<string, EntityTally>();
    let [last, isLast] = [from, true];
    for (const { span, ...at } of sides) {
      if (stop.aborted) return;
      const champion = await at.champion.read(from, span);
      const candidate = await at.candidate.read(from, span);
      [last, isLast] = [champion.last, champion.isLast];
      for (const entity of new Set([...champion.verdicts.keys(), ...candidate.verdicts.keys()])) {
        const known = entities.get(entity) ?? tally.entity(entity);
        entities.set(entity, known);
        known.add(listed(champion.verdicts.get(entity)), listed(candidate.verdicts.get(entity)));
      }
    }
    for (const entity of entities.values()) {
      entity.close();
      onEntity();
    }
    if (isLast) return;
    from = last;
  }
};

const listed = (verdict: BacktestVerdict | undefined): BacktestVerdict[] => (verdict === undefined ? [] : [verdict]);
