/** Kills and freezes processes at random moments that a seed decides. */
import { setTimeout as pause } from 'node:timers/promises';
import { uniform, type Random } from '../seeded-random.ts';

/** A process that can be started again. */
export interface Victim {
  /** Undefined while it does not run. */
  readonly pid: () => number | undefined;
  /** Resolves when it serves again. */
  readonly restart: () => Promise<void>;
}

export interface Assault {
  /** `kill`: SIGKILL and a restart; `freeze`: SIGSTOP, a while, SIGCONT. */
  readonly weapon: 'kill' | 'freeze';
  /** Wait before each strike, uniform between the two. */
  readonly everyMs: readonly [number, number];
  /** Length of a freeze, or of the pause before a restart, uniform between the two. */
  readonly forMs: readonly [number, number];
}

/** Strikes until the signal aborts, and leaves the victim running. @returns the strikes that hit */
export const assault = async (victim: Victim, plan: Assault, random: Random, signal: AbortSignal): Promise<number> => {
  let strikes = 0;
  const quietly = (ms: number): Promise<void> => pause(ms, undefined, { signal }).catch(() => undefined);
  while (!signal.aborted) {
    await quietly(uniform(random, ...plan.everyMs));
    const pid = victim.pid();
    if (signal.aborted || pid === undefined) continue;
    strikes += 1;
    process.kill(pid, plan.weapon === 'kill' ? 'SIGKILL' : 'SIGSTOP');
    await quietly(uniform(random, ...plan.forMs));
    if (plan.weapon === 'kill') await victim.restart();
    else process.kill(pid, 'SIGCONT');
  }
  return strikes;
};
