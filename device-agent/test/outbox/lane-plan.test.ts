import { describe, expect, it } from '@jest/globals';
import { PRIORITY_CLASSES, type Lane, type PriorityClass } from '@shoal/protocol';
import fc from 'fast-check';
import { advance, chooseLane, demoteStale, planAtConnect, type HighestByClass } from '../../src/outbox/lane-plan.ts';

interface Sent {
  readonly priority: PriorityClass;
  readonly lane: Lane;
  readonly sequence: number;
}

type Step =
  | { readonly commit: PriorityClass; readonly times: number }
  | { readonly stale: PriorityClass }
  | { readonly send: number };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ commit: fc.constantFrom(...PRIORITY_CLASSES), times: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ stale: fc.constantFrom(...PRIORITY_CLASSES) }),
  fc.record({ send: fc.integer({ min: 1, max: 4 }) }),
);

const NONE: HighestByClass = { alarm: 0, prediction: 0, reading: 0, debug: 0 };

/** Plays commits, ageing and sending against the plan, then sends all that is left. */
const play = (before: readonly PriorityClass[], steps: readonly Step[]) => {
  const rows = before.map((priority, index) => ({ priority, sequence: index + 1 }));
  const highest: Record<PriorityClass, number> = { ...NONE };
  for (const { priority, sequence } of rows) highest[priority] = sequence;
  let plan = planAtConnect(rows.length);
  const sent: Sent[] = [];
  let liveInARow = 0;
  const sendOne = (limit: number): boolean => {
    const choice = chooseLane({ plan, highest, resting: new Set(), backlogMay: true, liveInARow });
    if (choice === undefined) return false;
    const batch = rows
      .filter(
        ({ priority, sequence }) => priority === choice.priority && sequence >= choice.first && sequence <= choice.last,
      )
      .slice(0, limit);
    for (const { sequence } of batch) sent.push({ priority: choice.priority, lane: choice.lane, sequence });
    if (batch.length > 0) liveInARow = choice.lane === 'live' ? liveInARow + 1 : 0;
    plan = advance(plan, choice, batch.at(-1)?.sequence ?? null);
    return true;
  };
  for (const step of steps) {
    if ('commit' in step) {
      for (let time = 0; time < step.times; time += 1) {
        rows.push({ priority: step.commit, sequence: rows.length + 1 });
        highest[step.commit] = rows.length;
      }
    } else if ('stale' in step) plan = demoteStale(plan, highest, [step.stale]);
    else sendOne(step.send);
  }
  while (sendOne(3));
  return { rows, sent };
};

const classes = fc.array(fc.constantFrom(...PRIORITY_CLASSES), { maxLength: 30 });

describe('the lane plan of a connection', () => {
  it('sends every record exactly once', () => {
    fc.assert(
      fc.property(classes, fc.array(stepArbitrary, { maxLength: 40 }), (before, steps) => {
        const { rows, sent } = play(before, steps);
        expect(sent.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(
          rows.map(({ sequence }) => sequence),
        );
      }),
    );
  });

  it('keeps ascending sequence in each class and lane', () => {
    fc.assert(
      fc.property(classes, fc.array(stepArbitrary, { maxLength: 40 }), (before, steps) => {
        const { sent } = play(before, steps);
        const last = new Map<string, number>();
        for (const { priority, lane, sequence } of sent) {
          expect(sequence).toBeGreaterThan(last.get(`${priority} ${lane}`) ?? 0);
          last.set(`${priority} ${lane}`, sequence);
        }
      }),
    );
  });

  it('sends what was waiting at the connect as backlog and what came later as live', () => {
    const { sent } = play(['reading', 'reading'], [{ commit: 'reading', times: 2 }]);
    expect(sent.filter(({ lane }) => lane === 'backlog').map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(sent.filter(({ lane }) => lane === 'live').map(({ sequence }) => sequence)).toEqual([3, 4]);
  });

  it('does not let live records starve the backlog', () => {
    const steps: Step[] = Array.from({ length: 40 }, () => [
      { commit: 'reading', times: 1 } as const,
      { send: 1 },
    ]).flat();
    const { sent } = play(['debug', 'debug', 'debug'], steps);
    expect(sent.slice(0, 30).filter(({ lane }) => lane === 'backlog')).toHaveLength(3);
  });

  it('prefers higher classes within a lane', () => {
    const { sent } = play(['debug', 'reading', 'prediction', 'alarm'], []);
    expect(sent.map(({ priority }) => priority)).toEqual(['alarm', 'prediction', 'reading', 'debug']);
  });
});
