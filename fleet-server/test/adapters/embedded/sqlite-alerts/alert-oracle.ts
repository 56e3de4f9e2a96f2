/** When a rule fires, by searching all samples of a device at once: no state, no table. */
import type { AlertRule, Scalar } from '@shoal/protocol';

export interface Sample {
  readonly at: number;
  readonly sequence: number;
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

const MINUTE_MS = 60_000;

/** `steady` is a time that never goes back; `offset` is how far it is ahead of the clock of the device by then. */
interface Steady extends Sample {
  readonly steady: number;
  readonly offset: number;
}

/** In the order of the log; what is history, or was made before one before it and is earlier, is left out. */
const considered = (samples: readonly Sample[], { maxAgeMs, historical }: AlertRule): Steady[] => {
  const steady: Steady[] = [];
  for (const sample of samples.filter(({ at, receivedAt }) => historical || receivedAt - at <= maxAgeMs)) {
    const { at, sequence, offset, steady: now } = steady.at(-1) ?? { at: -1, sequence: 0, offset: 0, steady: -1 };
    const isEarlier = sample.at < at;
    if (isEarlier && sequence >= sample.sequence) continue;
    const isLag = isEarlier && at - sample.at <= MINUTE_MS;
    const later = isEarlier && !isLag ? offset + at - sample.at : offset;
    const own = isLag ? at : sample.at;
    steady.push({ ...sample, at: own, offset: later, steady: Math.max(now, own + later) });
  }
  return steady;
};

/** First place from `from` on at which `verdict` has stood without a break for `ms`, with where that began. */
const stands = (
  samples: readonly Steady[],
  from: number,
  verdict: Sample['verdict'],
  ms: number,
): { readonly begin: Steady; readonly end: Steady; readonly place: number } | undefined => {
  for (let place = from; place < samples.length; place += 1) {
    let first = place;
    while (first >= from && samples[first]?.verdict === verdict) first -= 1;
    const [begin, end] = [samples[first + 1], samples[place]];
    if (first === place || begin === undefined || end === undefined) continue;
    if (end.steady - begin.steady >= ms) return { begin, end, place };
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
    firings.push({
      since: begin.steady - end.offset,
      firedAt: end.at,
      value: end.value,
      resolvedAt: resolved?.end.at ?? null,
    });
    if (resolved === undefined) return firings;
    from = resolved.place + 1;
  }
};
