/** When a rule fires, by searching all samples of a device at once: no state, no table. */
import type { AlertRule, Scalar } from '@shoal/protocol';

export interface Sample {
  readonly at: number;
  readonly receivedAt: number;
  readonly verdict: 'holds' | 'between' | 'over';
  readonly value: Scalar;
}

export interface ExpectedFiring {
  readonly since: number;
  readonly firedAt: number;
  readonly value: Scalar;
  readonly resolvedAt: number | null;
}

/** In the order of the log; what is history or earlier than one before it is left out. */
const considered = (samples: readonly Sample[], { maxAgeMs, historical }: AlertRule): Sample[] => {
  const inTime = samples.filter(({ at, receivedAt }) => historical || receivedAt - at <= maxAgeMs);
  return inTime.filter(({ at }, index) => inTime.slice(0, index).every((earlier) => earlier.at <= at));
};

/** First place from `from` on at which `verdict` has stood without a break for `ms`, with where that began. */
const stands = (
  samples: readonly Sample[],
  from: number,
  verdict: Sample['verdict'],
  ms: number,
): { readonly begin: Sample; readonly end: Sample; readonly place: number } | undefined => {
  for (let place = from; place < samples.length; place += 1) {
    let first = place;
    while (first >= from && samples[first]?.verdict === verdict) first -= 1;
    const [begin, end] = [samples[first + 1], samples[place]];
    if (first === place || begin === undefined || end === undefined) continue;
    if (end.at - begin.at >= ms) return { begin, end, place };
  }
  return undefined;
};

export const firingsOf = (all: readonly Sample[], rule: AlertRule): ExpectedFiring[] => {
  const samples = considered(all, rule);
  const firings: ExpectedFiring[] = [];
  let from = 0;
  for (;;) {
    const fired = stands(samples, from, 'holds', rule.forMs);
    if (fired === undefined) return firings;
    const resolved = stands(samples, fired.place + 1, 'over', rule.clearForMs);
    const { begin, end } = fired;
    firings.push({ since: begin.at, firedAt: end.at, value: end.value, resolvedAt: resolved?.end.at ?? null });
    if (resolved === undefined) return firings;
    from = resolved.place + 1;
  }
};
