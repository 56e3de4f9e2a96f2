/** What two models come to side by side, held against a count that looks at every instant; and what a device's normal makes of a replay. */
import { describe, expect, test } from '@jest/globals';
import type { BacktestGate } from '@shoal/protocol';
import fc from 'fast-check';
import { AlarmEpisodes, compareAlarms, judgeAlarms, type Span } from '../../src/backtest/alarm-episodes.ts';
import { backtestFaults } from '../../src/backtest/backtest-gate.ts';
import { BacktestTally } from '../../src/backtest/backtest-tally.ts';
import { VerdictPairs, type BacktestVerdict } from '../../src/backtest/verdict-pairs.ts';

/** Windows of three steps, one a step, some of them without an answer. */
const verdictsArbitrary = fc
  .array(fc.option(fc.boolean(), { freq: 4 }), { maxLength: 40 })
  .map((answers) =>
    answers.flatMap((exceeded, step): BacktestVerdict[] =>
      exceeded === null
        ? []
        : [{ startAt: step, endAt: step + 3, exceeded, label: exceeded ? 'bad' : 'good', outputs: {} }],
    ),
  );
const incidentsArbitrary = fc.array(
  fc.tuple(fc.nat(45), fc.integer({ min: 1, max: 10 })).map(([from, length]) => ({
    entity: 'pump',
    from,
    to: from + length,
  })),
  { maxLength: 5 },
);

const episodesOf = (verdicts: readonly BacktestVerdict[]): AlarmEpisodes['all'] => {
  const episodes = new AlarmEpisodes();
  for (const verdict of verdicts) episodes.add(verdict, verdict.exceeded);
  return episodes.all;
};
/** Every instant in a span, as a set. */
const instantsOf = ({ startAt, endAt }: Span): number[] =>
  Array.from({ length: endAt - startAt }, (_, i) => startAt + i);
const touches = (span: Span, others: readonly Span[]): boolean => {
  const taken = new Set(others.flatMap(instantsOf));
  return instantsOf(span).some((at) => taken.has(at));
};

describe('a backtest', () => {
  test('raises as many alarms as a device does that tells on the edge, and counts each of them once', () => {
    fc.assert(
      fc.property(verdictsArbitrary, verdictsArbitrary, (champions, candidates) => {
        let [raised, wasExceeded] = [0, false];
        for (const { exceeded } of champions) {
          if (exceeded && !wasExceeded) raised += 1;
          wasExceeded = exceeded;
        }
        const [base, next] = [episodesOf(champions), episodesOf(candidates)];
        expect(base).toHaveLength(raised);
        const { shared, extra, missed } = compareAlarms(base, next);
        expect(shared).toBe(base.filter((episode) => touches(episode, next)).length);
        expect([shared + missed, extra]).toEqual([base.length, next.filter((each) => !touches(each, base)).length]);
      }),
    );
  });

  test('finds an incident when an alarm touches it, and calls every alarm false that touches none', () => {
    fc.assert(
      fc.property(verdictsArbitrary, incidentsArbitrary, (verdicts, incidents) => {
        const spans = incidents.map(({ from, to }) => ({ startAt: from, endAt: to }));
        const episodes = episodesOf(verdicts);
        const { found, missed, falseAlarms, delaysMs } = judgeAlarms(episodes, spans);
        expect(found).toBe(spans.filter((span) => touches(span, episodes)).length);
        expect(found + missed).toBe(spans.length);
        expect(falseAlarms).toBe(episodes.filter((episode) => !touches(episode, spans)).length);
        expect(delaysMs.every((delay) => delay >= 0)).toBe(true);
      }),
    );
  });

  test('holds every verdict of the base against the newest of the candidate that was there, however they come in parts', () => {
    fc.assert(
      fc.property(
        verdictsArbitrary,
        verdictsArbitrary,
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(45), { maxLength: 4 }),
        (champions, candidates, withinMs, cuts) => {
          const pairs = new VerdictPairs(withinMs);
          const parts = [...cuts.toSorted((a, b) => a - b), Infinity];
          const within = (list: readonly BacktestVerdict[], part: number): BacktestVerdict[] =>
            list.filter(({ endAt }) => endAt <= (parts[part] ?? 0) && endAt > (parts[part - 1] ?? -Infinity));
          const held = parts.flatMap((_, part) => pairs.pair(within(champions, part), within(candidates, part)));
          const expected = champions.flatMap((champion) => {
            const candidate = candidates.findLast(
              ({ endAt }) => endAt <= champion.endAt && endAt > champion.endAt - withinMs,
            );
            return candidate === undefined ? [] : [{ champion, candidate }];
          });
          expect(held).toEqual(expected);
          expect(pairs.unpaired).toBe(champions.length - expected.length);
        },
      ),
    );
  });

  test('comes to the same figures in whatever order the entities come, and a model beside itself agrees in everything', () => {
    const entitiesArbitrary = fc.array(fc.tuple(verdictsArbitrary, verdictsArbitrary), { maxLength: 6 });
    const figuresOf = (
      entities: readonly (readonly [string, readonly BacktestVerdict[], readonly BacktestVerdict[]])[],
      incidents: readonly { readonly entity: string; readonly from: number; readonly to: number }[],
    ) => {
      const tally = new BacktestTally({
        kind: 'windows',
        versions: { champion: '1.0.0', candidate: '1.1.0' },
        stepMs: 1,
        incidents,
      });
      for (const [name, champions, candidates] of entities) {
        const entity = tally.entity(name);
        entity.add(champions, candidates);
        entity.close();
      }
      return tally.figures();
    };
    fc.assert(
      fc.property(entitiesArbitrary, incidentsArbitrary, (lists, incidents) => {
        const entities = lists.map(([a, b], i) => [i === 0 ? 'pump' : `p${i}`, a, b] as const);
        const figures = figuresOf(entities, incidents);
        expect(figuresOf(entities.toReversed(), incidents)).toEqual(figures);
        expect(figures.daily.reduce((sum, { rows }) => sum + rows, 0)).toBe(figures.rows);
        expect(figures.daily.reduce((sum, day) => sum + day.championAlarms, 0)).toBe(figures.champion.alarms);
        const itself = figuresOf(
          entities.map(([name, champions]) => [name, champions, champions] as const),
          incidents,
        );
        expect([itself.agreement ?? 1, itself.alarms.extra, itself.alarms.missed, itself.worst]).toEqual([1, 0, 0, []]);
        expect(itself.candidate.incidents).toEqual(itself.champion.incidents);
      }),
    );
  });

  test('passes a gate only by what was measured', () => {
    const figures = new BacktestTally({
      kind: 'windows',
      versions: { champion: '1.0.0', candidate: '1.1.0' },
      stepMs: 1,
      incidents: undefined,
    }).figures();
    const gate = (limits: Partial<BacktestGate>): string[] =>
      backtestFaults(
        { against: 'champion', minRows: 1, ...limits },
        { ...figures, rows: 9, agreement: 0.9 },
        3_600_000,
      );
    expect(gate({})).toEqual([]);
    expect(gate({ minAgreement: 0.9, maxExtraAlarms: 0, maxAgeHours: 1 })).toEqual([]);
    expect(gate({ minAgreement: 0.91, minRows: 10, maxAgeHours: 0.5 })).toHaveLength(3);
    // Nobody labelled anything, and there were too few values to tell a shift.
    expect(gate({ maxMissedIncidents: 5, maxPsi: 9, maxCostRatio: 9 })).toEqual([
      expect.stringContaining('could not be measured'),
      expect.stringContaining('could not be measured'),
      expect.stringContaining('could not be measured'),
    ]);
  });
});
