/** What is told to Home Assistant: whatever is killed when, nothing it was told of is forgotten. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  isOptedIn,
  nextSteps,
  type Messages,
  type Recorded,
  type Step,
} from '../../../src/integrations/home-assistant/next-steps.ts';

const NOTHING: Messages = { config: undefined, state: undefined };

/** The table, the broker of the process, and a Home Assistant that hears everything and forgets nothing by itself. */
class World {
  recorded: Recorded | undefined;
  told = NOTHING;
  isKnown = false;
  /** What Home Assistant knows was missing in the table once. */
  hasForgotten = false;

  take(step: Step): void {
    switch (step.kind) {
      case 'record':
        this.recorded = { config: step.config, withdrawnAt: null };
        return;
      case 'record-withdrawal':
        this.recorded = { config: this.recorded?.config ?? '', withdrawnAt: 1 };
        return;
      case 'tell':
        this.told = { ...this.told, [step.topic]: step.text };
        this.isKnown ||= step.topic === 'config';
        return;
      case 'withdraw':
        this.told = NOTHING;
        this.isKnown = false;
    }
  }

  align(wanted: Messages, stepsBeforeTheKill: number): void {
    const steps = nextSteps(wanted, this.told, this.recorded);
    for (const step of steps.slice(0, stepsBeforeTheKill)) {
      this.take(step);
      // What Home Assistant knows is in the table, as shown or as withdrawn: the latter is told again when it greets.
      this.hasForgotten ||= this.isKnown && this.recorded === undefined;
    }
    if (stepsBeforeTheKill < steps.length) this.told = NOTHING;
  }
}

describe('the next steps', () => {
  const shown = fc
    .tuple(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y'))
    .map(([config, state]): Messages => ({ config, state }));
  const wanted = fc.oneof({ weight: 1, arbitrary: fc.constant(NOTHING) }, { weight: 2, arbitrary: shown });

  test('end with what is wanted, from wherever they were cut off', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(wanted, fc.nat(4)), { maxLength: 20 }), wanted, (past, last) => {
        const world = new World();
        for (const [messages, cut] of past) world.align(messages, cut);
        world.align(last, Infinity);
        expect(world.told).toEqual(last);
        expect(nextSteps(last, world.told, world.recorded)).toEqual([]);
        expect([world.hasForgotten, world.isKnown]).toEqual([false, last.config !== undefined || world.isKnown]);
        // As shown, or as withdrawn or never shown.
        expect(world.recorded?.withdrawnAt === null).toBe(last.config !== undefined);
        expect(last.config ?? world.recorded?.config).toBe(world.recorded?.config);
      }),
      { numRuns: 500 },
    );
  });

  test('a label opts in, and its absence or a no opts out', () => {
    const optedIn = (labels: Record<string, string>): boolean => isOptedIn({ labels });
    expect([{}, { 'home-assistant': 'no' }, { 'home-assistant': 'OFF' }].map(optedIn)).toEqual([false, false, false]);
    expect([{ 'home-assistant': 'yes' }, { 'home-assistant': '' }].map(optedIn)).toEqual([true, true]);
  });
});
