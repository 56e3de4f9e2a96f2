/** The decision tree of the four deployment patterns, and how measurements bend it: pure. */
import { DEPLOYMENT_PATTERNS, type Advice, type DeploymentPattern } from '@shoal/protocol';

export interface Need {
  readonly stream: boolean;
  readonly latencyMs: number;
  readonly offline: boolean;
}

/** p95 in milliseconds; null where nothing was measured. */
export interface Expectation {
  readonly edgeMs: number | null;
  readonly realTimeMs: number | null;
}

type Verdict = Advice['patterns'][number];
type Reason = Advice['reasons'][number];
export type PatternChoice = Pick<Advice, 'pattern' | 'reasons' | 'patterns'>;

const SECOND_MS = 1_000;
/** Below a minute people and machines wait; above it nobody does. */
const WAITING_MS = 60_000;

const span = (ms: number): string => {
  if (ms < SECOND_MS) return `${ms} ms`;
  if (ms < WAITING_MS) return `${Number((ms / SECOND_MS).toFixed(1))} s`;
  return ms < 60 * WAITING_MS ? `${Math.round(ms / WAITING_MS)} min` : `${Math.round(ms / (60 * WAITING_MS))} h`;
};

const measuredText = (ms: number | null): string =>
  ms === null ? 'nothing was measured here yet' : `its measured p95 is ${Number(ms.toPrecision(3))} ms`;

const isTooSlow = (ms: number | null, { latencyMs }: Need): boolean => ms !== null && ms > latencyMs;

const verdictOf = (pattern: DeploymentPattern, need: Need, { edgeMs, realTimeMs }: Expectation): Verdict => {
  const say = (fits: boolean, because: string, expectedP95Ms: number | null = null): Verdict => ({
    pattern,
    fits,
    because,
    expectedP95Ms,
  });
  switch (pattern) {
    case 'edge':
      return isTooSlow(edgeMs, need)
        ? say(false, `On the device ${measuredText(edgeMs)}, more than ${span(need.latencyMs)}.`, edgeMs)
        : say(true, `The device answers by itself, with or without a network; ${measuredText(edgeMs)}.`, edgeMs);
    case 'real-time':
      if (need.offline) return say(false, 'It needs the network, and answers are needed without one.', realTimeMs);
      return isTooSlow(realTimeMs, need)
        ? say(
            false,
            `With the way there and back ${measuredText(realTimeMs)}, more than ${span(need.latencyMs)}.`,
            realTimeMs,
          )
        : say(true, `One request, one answer, with features of the database; ${measuredText(realTimeMs)}.`, realTimeMs);
    case 'streaming':
      if (need.offline) return say(false, 'The processor is on the server, and answers are needed without a network.');
      return need.latencyMs < SECOND_MS && !need.stream
        ? say(false, `An event that waits in a queue has no bound of ${span(need.latencyMs)}.`)
        : say(true, 'Every event passes the processor; the answer follows in seconds to minutes.');
    case 'batch':
      return need.stream || need.latencyMs < WAITING_MS
        ? say(false, 'Its answers are as old as the last run, hours to a day.')
        : say(true, 'Everything is scored at night; in the morning an answer is one indexed read.');
  }
};

/** Each leaf of the tree with the reasons on the way to it. */
const walk = (need: Need): { readonly pattern: DeploymentPattern; readonly reasons: readonly Reason[] } => {
  const stream: Reason = {
    question: 'Does data flow without end, and is the answer about the flow?',
    answer: need.stream ? 'yes' : 'no',
    because: need.stream ? 'A continuous stream is answered while it flows.' : 'Single answers are chosen by latency.',
  };
  if (need.stream) return { pattern: 'streaming', reasons: [stream] };
  const isUrgent = need.latencyMs < WAITING_MS;
  const latency: Reason = {
    question: 'How soon must the answer be there?',
    answer: span(need.latencyMs),
    because: isUrgent ? 'Somebody waits for it.' : 'Nobody waits for it: it can be computed before it is asked for.',
  };
  const offline: Reason = {
    question: 'Must it be there without a network?',
    answer: need.offline ? 'yes' : 'no',
    because: need.offline ? 'Only the device itself can answer then.' : 'The server may be asked.',
  };
  if (need.offline) return { pattern: 'edge', reasons: [stream, latency, offline] };
  return { pattern: isUrgent ? 'real-time' : 'batch', reasons: [stream, latency, offline] };
};

/** The leaf itself when it fits; else the first that does, in order of latency; else the leaf, with its fault named. */
export const choosePattern = (need: Need, expectation: Expectation): PatternChoice => {
  const { pattern, reasons } = walk(need);
  const patterns = DEPLOYMENT_PATTERNS.map((candidate) => verdictOf(candidate, need, expectation));
  const leaf = patterns.find((verdict) => verdict.pattern === pattern);
  if (leaf?.fits === true) return { pattern, reasons: [...reasons, confirmed(leaf)], patterns };
  const better = patterns.find(({ fits }) => fits);
  const question = `Does ${pattern} keep that here?`;
  const fault: Reason = { question, answer: 'no', because: leaf?.because ?? '' };
  if (better === undefined) {
    const because = 'No pattern does: loosen the latency, choose a smaller model, or faster hardware.';
    return {
      pattern,
      reasons: [...reasons, fault, { question: 'Does another one?', answer: 'no', because }],
      patterns,
    };
  }
  const instead: Reason = { question: 'Which one does?', answer: better.pattern, because: better.because };
  return { pattern: better.pattern, reasons: [...reasons, fault, instead], patterns };
};

const confirmed = ({ pattern, because }: Verdict): Reason => ({
  question: `Does ${pattern} keep that here?`,
  answer: 'yes',
  because,
});
