/** The machine's own clocks behind the Clock port. */
import { performance } from 'node:perf_hooks';
import { Clock } from '../../ports/clock.ts';

export class SystemClock extends Clock {
  override now(): number {
    return Date.now();
  }

  override monotonic(): number {
    return performance.now();
  }
}
