/** Whether a sensor gives what it is expected to give: rate, gaps, stuck and impossible values. Pure: samples in, marked samples and findings out. */
import type { ValueMark } from '@shoal/protocol/wire';
import type { Sample } from './sensor-source.port.ts';

export interface ChannelExpectation {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** Milliseconds of event time; undefined: the channel may keep a value for ever. */
  readonly stuckAfterMs?: number | undefined;
  /** Models and rules are given values that are out of range too. */
  readonly passOutOfRange: boolean;
}

export interface SignalExpectation {
  /** Samples a second; undefined: neither rate nor gaps are watched. */
  readonly rateHz: number | undefined;
  /** Share by which the measured rate may differ. */
  readonly rateTolerance: number;
  /** Samples further apart than this many periods have a gap between them. */
  readonly gapPeriods: number;
  readonly channels: Readonly<Record<string, ChannelExpectation>>;
}

export type FindingKind = 'rate-mismatch' | 'gap' | 'stuck' | 'out-of-range';

/** An episode began or is over; one each, however many samples it has. */
export interface Finding {
  readonly kind: FindingKind;
  /** Null for what concerns the whole sensor. */
  readonly channel: string | null;
  readonly phase: 'begun' | 'over';
  /** What was seen: the value, the measured rate in Hz, the length of the gap or of the standstill in milliseconds. */
  readonly seen: number;
  /** Samples of this episode so far that were marked. */
  readonly count: number;
}

export interface SignalCounters {
  /** Of the last block of samples; null until then. */
  readonly measuredRateHz: number | null;
  readonly gaps: number;
  /** Channel → values marked. */
  readonly outOfRange: Readonly<Record<string, number>>;
  readonly stuck: Readonly<Record<string, number>>;
  /** Episodes going on now. */
  readonly problems: readonly { readonly kind: FindingKind; readonly channel: string | null }[];
}

/** An episode of gaps or impossible values is over after so many good samples in a row: one bad value in five is one episode, not many. */
const CALM_SAMPLES = 10;
/** The rate is measured over so many intervals. */
const RATE_BLOCK = 32;

interface Episode {
  count: number;
  calm: number;
}

interface Standstill {
  readonly value: number;
  readonly since: number;
}

export class SignalHealth {
  readonly #expected: SignalExpectation;
  readonly #episodes = new Map<string, Episode>();
  readonly #standstills = new Map<string, Standstill>();
  readonly #outOfRange = new Map<string, number>();
  readonly #stuck = new Map<string, number>();
  #newestAt = -Infinity;
  #block: number[] = [];
  #measuredRateHz: number | null = null;
  #gaps = 0;
  #findings: Finding[] = [];

  constructor(expected: SignalExpectation) {
    this.#expected = expected;
  }

  /** Values keep what came; what a model must not see is named in `withheld`. */
  inspect(sample: Sample): { readonly sample: Sample; readonly findings: readonly Finding[] } {
    this.#findings = [];
    const marks = new Map<string, ValueMark>();
    const withheld: string[] = [];
    if (this.#inspectTime(sample.observedAt)) for (const name of Object.keys(sample.values)) marks.set(name, 'gap');
    for (const [name, expected] of Object.entries(this.#expected.channels)) {
      const value = sample.values[name];
      if (value === undefined || value === null) continue;
      if (this.#isStuck(name, value, sample.observedAt, expected)) marks.set(name, 'stuck');
      if (!this.#isOutOfRange(name, value, expected)) continue;
      marks.set(name, 'out-of-range');
      if (!expected.passOutOfRange) withheld.push(name);
    }
    if (marks.size === 0) return { sample, findings: this.#findings };
    const given = { ...Object.fromEntries(marks), ...sample.marks };
    return {
      sample: { ...sample, marks: given, ...(withheld.length > 0 && { withheld }) },
      findings: this.#findings,
    };
  }

  counters(): SignalCounters {
    return {
      measuredRateHz: this.#measuredRateHz,
      gaps: this.#gaps,
      outOfRange: Object.fromEntries(this.#outOfRange),
      stuck: Object.fromEntries(this.#stuck),
      problems: [...this.#episodes.keys()].map((key) => {
        const [kind, channel] = splitKey(key);
        return { kind, channel };
      }),
    };
  }

  /** Whether samples are missing before this one. */
  #inspectTime(observedAt: number): boolean {
    const { rateHz, gapPeriods } = this.#expected;
    const intervalMs = observedAt - this.#newestAt;
    this.#newestAt = Math.max(this.#newestAt, observedAt);
    if (rateHz === undefined || intervalMs === Infinity || intervalMs < 0) return false;
    this.#measure(intervalMs, rateHz);
    const isGap = intervalMs > (gapPeriods * 1_000) / rateHz;
    if (isGap) this.#gaps += 1;
    this.#episode('gap', null, isGap, intervalMs);
    return isGap;
  }

  /** One verdict a block. Gaps are told as such and left out of the rate, unless the block is made of them. */
  #measure(intervalMs: number, rateHz: number): void {
    const { gapPeriods, rateTolerance } = this.#expected;
    this.#block.push(intervalMs);
    if (this.#block.length < RATE_BLOCK) return;
    const steady = this.#block.filter((interval) => interval <= (gapPeriods * 1_000) / rateHz);
    const counted = steady.length * 2 >= this.#block.length ? steady : this.#block;
    this.#block = [];
    const spanMs = counted.reduce((sum, interval) => sum + interval, 0);
    if (spanMs <= 0) return;
    const measured = (counted.length * 1_000) / spanMs;
    this.#measuredRateHz = Math.round(measured * 1_000) / 1_000;
    const isActive = this.#episodes.has(keyOf('rate-mismatch', null));
    // Over only when it is well within what is allowed.
    const allowed = isActive ? rateTolerance / 2 : rateTolerance;
    this.#verdict('rate-mismatch', null, Math.abs(measured / rateHz - 1) > allowed, this.#measuredRateHz);
  }

  #isOutOfRange(name: string, value: number, { min, max }: ChannelExpectation): boolean {
    if (min === undefined && max === undefined) return false;
    const isOut = value < (min ?? -Infinity) || value > (max ?? Infinity);
    if (isOut) this.#outOfRange.set(name, (this.#outOfRange.get(name) ?? 0) + 1);
    this.#episode('out-of-range', name, isOut, value);
    return isOut;
  }

  #isStuck(name: string, value: number, at: number, { stuckAfterMs }: ChannelExpectation): boolean {
    if (stuckAfterMs === undefined) return false;
    const before = this.#standstills.get(name);
    const isSame = before !== undefined && before.value === value && at >= before.since;
    const since = isSame ? before.since : at;
    this.#standstills.set(name, { value, since });
    const isStuck = at - since >= stuckAfterMs;
    if (isStuck) this.#stuck.set(name, (this.#stuck.get(name) ?? 0) + 1);
    this.#verdict('stuck', name, isStuck, at - since);
    return isStuck;
  }

  /** Begins with the first bad sample, is over after some good ones. */
  #episode(kind: FindingKind, channel: string | null, isBad: boolean, seen: number): void {
    const episode = this.#episodes.get(keyOf(kind, channel));
    if (isBad || episode === undefined) return this.#verdict(kind, channel, isBad, seen);
    episode.calm += 1;
    if (episode.calm >= CALM_SAMPLES) this.#verdict(kind, channel, false, seen);
  }

  #verdict(kind: FindingKind, channel: string | null, isBad: boolean, seen: number): void {
    const key = keyOf(kind, channel);
    const episode = this.#episodes.get(key);
    if (isBad && episode === undefined) {
      this.#episodes.set(key, { count: 1, calm: 0 });
      this.#findings.push({ kind, channel, phase: 'begun', seen, count: 1 });
    } else if (isBad && episode !== undefined) {
      episode.count += 1;
      episode.calm = 0;
    } else if (episode !== undefined) {
      this.#episodes.delete(key);
      this.#findings.push({ kind, channel, phase: 'over', seen, count: episode.count });
    }
  }
}

const keyOf = (kind: FindingKind, channel: string | null): string => (channel === null ? kind : `${kind} ${channel}`);

const splitKey = (key: string): [FindingKind, string | null] => {
  const at = key.indexOf(' ');
  return at < 0 ? [key as FindingKind, null] : [key.slice(0, at) as FindingKind, key.slice(at + 1)];
};
