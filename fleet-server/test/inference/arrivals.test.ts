import { expect, test } from '@jest/globals';
import { Arrivals } from '../../src/inference/arrivals.ts';

/** A loop whose time, rest and turns the test makes. */
class Loop {
  nowMs = 1_000;
  idleMs = 0;
  #ends: (() => void)[] = [];
  readonly now = (): number => this.nowMs;
  readonly idle = (): number => this.idleMs;
  readonly afterTurn = (run: () => void): void => void this.#ends.push(run);

  /** Works in the turn it is in. */
  work(ms: number): void {
    this.nowMs += ms;
  }

  /** Ends the turn and rests before the next. */
  rest(ms: number): void {
    for (const end of this.#ends.splice(0)) end();
    this.nowMs += ms;
    this.idleMs += ms;
  }
}

test('what wakes a loop that rested has come now', () => {
  const loop = new Loop();
  const arrivals = new Arrivals(loop);
  expect(arrivals.arrivedAt()).toBe(1_000);
  loop.work(3);
  loop.rest(50);
  expect(arrivals.arrivedAt()).toBe(1_053);
  expect(arrivals.lateMs()).toBe(0);
});

test('all that a turn reads came before the turn began', () => {
  const loop = new Loop();
  const arrivals = new Arrivals(loop);
  arrivals.arrivedAt();
  loop.work(40);
  expect(arrivals.arrivedAt()).toBe(1_000);
  expect(arrivals.lateMs()).toBe(40);
});

test('what a loop without rest reads may have come since the turn before began', () => {
  const loop = new Loop();
  const arrivals = new Arrivals(loop);
  arrivals.arrivedAt();
  loop.work(70);
  loop.rest(0.1);
  expect(arrivals.lateMs()).toBeCloseTo(70.1, 6);
  loop.work(20);
  loop.rest(0);
  expect(arrivals.lateMs()).toBeCloseTo(20, 6);
});
