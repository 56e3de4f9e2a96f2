/** Alarms as a device would have raised them, of one model held against another, and against what people know by now. */

/** Half-open [startAt, endAt), milliseconds. */
export interface Span {
  readonly startAt: number;
  readonly endAt: number;
}

/** From the first exceeded verdict to the last before a quiet one. */
export interface AlarmEpisode extends Span {
  /** The end of the first exceeded window: when the device says so. */
  readonly raisedAt: number;
}

/** Verdicts come by their end; what was not answered in between ends no alarm. */
export class AlarmEpisodes {
  readonly all: AlarmEpisode[] = [];
  #open = false;

  add({ startAt, endAt }: Span, exceeded: boolean): void {
    const last = this.all.at(-1);
    if (exceeded && this.#open && last !== undefined) this.all[this.all.length - 1] = { ...last, endAt };
    else if (exceeded) this.all.push({ startAt, endAt, raisedAt: endAt });
    this.#open = exceeded;
  }
}

const overlap = (a: Span, b: Span): boolean => a.startAt < b.endAt && b.startAt < a.endAt;
const meets =
  (others: readonly Span[]) =>
  (span: Span): boolean =>
    others.some((other) => overlap(span, other));

export interface AlarmComparison {
  /** Of the base, with one of the candidate over them. */
  readonly shared: number;
  /** Of the candidate, without one of the base. */
  readonly extra: number;
  /** Of the base, without one of the candidate. */
  readonly missed: number;
}

export const compareAlarms = (champion: readonly Span[], candidate: readonly Span[]): AlarmComparison => {
  const shared = champion.filter(meets(candidate)).length;
  const extra = candidate.length - candidate.filter(meets(champion)).length;
  return { shared, extra, missed: champion.length - shared };
};

export interface IncidentVerdict {
  readonly found: number;
  readonly missed: number;
  readonly falseAlarms: number;
  /** Of those found, from their beginning to the first alarm; milliseconds, at least 0. */
  readonly delaysMs: readonly number[];
}

/** All of one entity; `incidents` are those that there are verdicts for. */
export const judgeAlarms = (episodes: readonly AlarmEpisode[], incidents: readonly Span[]): IncidentVerdict => {
  const delaysMs = incidents.flatMap((incident) => {
    const first = episodes.find((episode) => overlap(episode, incident));
    return first === undefined ? [] : [Math.max(0, first.raisedAt - incident.startAt)];
  });
  return {
    found: delaysMs.length,
    missed: incidents.length - delaysMs.length,
    falseAlarms: episodes.length - episodes.filter(meets(incidents)).length,
    delaysMs,
  };
};
