/** What a backtest comes to: entity by entity, in any order, into figures that say how far two models agree. */
import type { BacktestFigures, BacktestIncident } from '@shoal/protocol';
import { canTellShift, columnShift, sketchSamples } from '../scoring/column-shift.ts';
import type { QuantileSketch } from '../sketch/quantiles.ts';
import { AlarmEpisodes, compareAlarms, judgeAlarms, type Span } from './alarm-episodes.ts';
import { SideCounts } from './backtest-side.ts';
import { VerdictPairs, type BacktestVerdict } from './verdict-pairs.ts';
import { verdictsAgree } from './verdict-agreement.ts';

const DAY_MS = 86_400_000;
const WORST = 20;
const PLOTS = 8;

type Day = BacktestFigures['daily'][number];
type Worst = BacktestFigures['worst'][number];

export interface TallyOptions {
  readonly kind: BacktestFigures['kind'];
  readonly versions: { readonly champion: string; readonly candidate: string };
  /** From one verdict of the candidate to its next. */
  readonly stepMs: number;
  /** Undefined without labels. */
  readonly incidents: readonly BacktestIncident[] | undefined;
}

const badness = ({ rows, agreed, extra, missed }: Worst): number => rows - agreed + extra + missed;

export class BacktestTally {
  readonly champion: SideCounts;
  readonly candidate: SideCounts;
  readonly #options: TallyOptions;
  readonly #incidents = new Map<string, Span[]>();
  readonly #days = new Map<number, Day>();
  readonly #alarms = { shared: 0, extra: 0, missed: 0 };
  #worst: Worst[] = [];
  #counts = { entities: 0, rows: 0, unpaired: 0, agreed: 0, covered: 0 };

  constructor(options: TallyOptions) {
    const { champion, candidate } = options.versions;
    this.#options = options;
    this.champion = new SideCounts(champion);
    this.candidate = new SideCounts(candidate);
    for (const { entity, from, to } of options.incidents ?? []) {
      const known = this.#incidents.get(entity);
      if (known === undefined) this.#incidents.set(entity, [{ startAt: from, endAt: to }]);
      else known.push({ startAt: from, endAt: to });
    }
  }

  get rows(): number {
    return this.#counts.rows;
  }

  /** Takes the verdicts about one entity; `close` when there are no more. */
  entity(entity: string): EntityTally {
    return new EntityTally(
      this.#options.stepMs,
      (pair) => this.#count(pair),
      (done) => this.#close(entity, done),
    );
  }

  figures(): BacktestFigures {
    const { kind, incidents } = this.#options;
    const { entities, rows, unpaired, agreed, covered } = this.#counts;
    const shift = this.#shift();
    const told = shift.flatMap(({ psi }) => (psi === null ? [] : [psi]));
    return {
      kind,
      entities,
      rows,
      unpaired,
      agreement: rows === 0 ? null : agreed / rows,
      champion: this.champion.figures(incidents !== undefined),
      candidate: this.candidate.figures(incidents !== undefined),
      shift,
      maxPsi: told.length === 0 ? null : Math.max(...told),
      alarms: { ...this.#alarms },
      incidents: incidents === undefined ? null : { given: incidents.length, covered },
      daily: [...this.#days.values()].sort((a, b) => a.day - b.day),
      worst: this.#worst,
    };
  }

  /** Of the outputs that shifted most, values that stand for their distributions, ascending. */
  plots(): { readonly output: string; readonly champion: number[]; readonly candidate: number[] }[] {
    const shifted = this.#shift().sort((a, b) => (b.psi ?? 0) - (a.psi ?? 0));
    return shifted.slice(0, PLOTS).map(({ output }) => ({
      output,
      champion: samplesOf(this.champion.outputs.get(output)),
      candidate: samplesOf(this.candidate.outputs.get(output)),
    }));
  }

  #count({ at, isAgreed }: { readonly at: number; readonly isAgreed: boolean }): void {
    const day = this.#day(at);
    day.rows += 1;
    this.#counts.rows += 1;
    if (!isAgreed) return;
    day.agreed += 1;
    this.#counts.agreed += 1;
  }

  #close(entity: string, { champion, candidate, unpaired, span, ...held }: ClosedEntity): void {
    this.#counts.unpaired += unpaired;
    if (span === undefined) return;
    this.#counts.entities += 1;
    for (const { raisedAt } of champion) this.#day(raisedAt).championAlarms += 1;
    for (const { raisedAt } of candidate) this.#day(raisedAt).candidateAlarms += 1;
    const { shared, extra, missed } = compareAlarms(champion, candidate);
    this.#alarms.shared += shared;
    this.#alarms.extra += extra;
    this.#alarms.missed += missed;
    const incidents = this.#covered(entity, span);
    this.#counts.covered += incidents?.length ?? 0;
    this.champion.alarms(champion.length, incidents && judgeAlarms(champion, incidents));
    this.candidate.alarms(candidate.length, incidents && judgeAlarms(candidate, incidents));
    this.#keepWorst({ entity, ...held, extra, missed });
  }

  /** Undefined without labels at all; an entity that nobody labelled was well all the time. */
  #covered(entity: string, span: Span): readonly Span[] | undefined {
    if (this.#options.incidents === undefined) return undefined;
    const known = this.#incidents.get(entity) ?? [];
    return known.filter(({ startAt, endAt }) => startAt < span.endAt && span.startAt < endAt);
  }

  #keepWorst(held: Worst): void {
    if (badness(held) === 0) return;
    this.#worst = [...this.#worst, held]
      .sort((a, b) => badness(b) - badness(a) || (a.entity < b.entity ? -1 : 1))
      .slice(0, WORST);
  }

  #day(at: number): Day {
    const start = Math.floor(at / DAY_MS) * DAY_MS;
    let day = this.#days.get(start);
    if (day === undefined)
      this.#days.set(start, (day = { day: start, rows: 0, agreed: 0, championAlarms: 0, candidateAlarms: 0 }));
    return day;
  }

  #shift(): BacktestFigures['shift'] {
    return [...this.champion.outputs].flatMap(([output, before]) => {
      const now = this.candidate.outputs.get(output);
      if (now === undefined) return [];
      const psi = canTellShift(before.count, now.count) ? columnShift(before.serialize(), now.serialize()) : null;
      return [{ output, psi, champion: quantilesOf(before), candidate: quantilesOf(now) }];
    });
  }
}

const samplesOf = (sketch: QuantileSketch | undefined): number[] =>
  sketch === undefined ? [] : sketchSamples(sketch.serialize());

const quantilesOf = (sketch: QuantileSketch): BacktestFigures['shift'][number]['champion'] => {
  const [p05, p50, p95] = [0.05, 0.5, 0.95].map((share) => sketch.quantile(share));
  return p05 == null || p50 == null || p95 == null ? null : { p05, p50, p95 };
};

interface ClosedEntity {
  readonly champion: AlarmEpisodes['all'];
  readonly candidate: AlarmEpisodes['all'];
  readonly rows: number;
  readonly agreed: number;
  readonly unpaired: number;
  /** From its first verdict to its last; undefined when it had none. */
  readonly span: Span | undefined;
}

/** One entity: its verdicts come in order, in as many parts as there are. */
export class EntityTally {
  readonly #pairs: VerdictPairs;
  readonly #champion = new AlarmEpisodes();
  readonly #candidate = new AlarmEpisodes();
  readonly #count: (pair: { at: number; isAgreed: boolean }) => void;
  readonly #close: (closed: ClosedEntity) => void;
  #span: Span | undefined;
  #rows = 0;
  #agreed = 0;

  constructor(
    stepMs: number,
    count: (pair: { at: number; isAgreed: boolean }) => void,
    close: (closed: ClosedEntity) => void,
  ) {
    this.#pairs = new VerdictPairs(stepMs);
    this.#count = count;
    this.#close = close;
  }

  /** By their end, and all that end before those of the next call. */
  add(champions: readonly BacktestVerdict[], candidates: readonly BacktestVerdict[]): void {
    for (const verdict of champions) this.#see(verdict, this.#champion);
    for (const verdict of candidates) this.#see(verdict, this.#candidate);
    for (const { champion, candidate } of this.#pairs.pair(champions, candidates)) {
      const isAgreed = verdictsAgree(champion, candidate);
      this.#rows += 1;
      this.#agreed += isAgreed ? 1 : 0;
      this.#count({ at: champion.endAt, isAgreed });
    }
  }

  close(): void {
    const [champion, candidate] = [this.#champion.all, this.#candidate.all];
    const { unpaired } = this.#pairs;
    this.#close({ champion, candidate, rows: this.#rows, agreed: this.#agreed, unpaired, span: this.#span });
  }

  #see(verdict: BacktestVerdict, episodes: AlarmEpisodes): void {
    episodes.add(verdict, verdict.exceeded);
    const { startAt, endAt } = this.#span ?? verdict;
    this.#span = { startAt: Math.min(startAt, verdict.startAt), endAt: Math.max(endAt, verdict.endAt) };
  }
}
