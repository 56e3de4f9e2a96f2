/** Plays a scenario's disturbances against real surroundings, each at its time, and leaves everything in order. */
import { setTimeout as pause } from 'node:timers/promises';
import type { NetworkConditions } from './faults/network-conditions.ts';
import { timeline, type Disturbance, type Scenario } from './scenario.ts';

/** What a scenario can do to the world around a fleet. */
export interface Surroundings {
  /** Undefined: a good network again. */
  readonly network: (conditions: Partial<NetworkConditions> | undefined) => void;
  readonly resetConnections: () => void;
  readonly killServer: () => Promise<void>;
  /** Resolves when it serves; does nothing when it runs. */
  readonly startServer: () => Promise<void>;
  readonly freezeServer: () => void;
  readonly thawServer: () => void;
  readonly fillDisk: () => void;
  readonly freeDisk: () => void;
}

const apply = async (disturbance: Disturbance, surroundings: Surroundings): Promise<void> => {
  switch (disturbance.what) {
    case 'network':
      surroundings.network(disturbance.conditions);
      break;
    case 'reset-connections':
      surroundings.resetConnections();
      break;
    case 'kill-server':
      await surroundings.killServer();
      break;
    case 'start-server':
      await surroundings.startServer();
      break;
    case 'freeze-server':
      surroundings.freezeServer();
      break;
    case 'thaw-server':
      surroundings.thawServer();
      break;
    case 'fill-disk':
      surroundings.fillDisk();
      break;
    case 'free-disk':
      surroundings.freeDisk();
      break;
  }
};

/** Resolves when the last disturbance is over, or soon after the signal aborts. @returns how many were played */
export const playScenario = async (
  scenario: Scenario,
  surroundings: Surroundings,
  signal: AbortSignal,
  onDisturbance: (disturbance: Disturbance) => void = () => undefined,
): Promise<number> => {
  const startedAt = performance.now();
  let played = 0;
  let killed = false;
  try {
    for (const { atMs, disturbance } of timeline(scenario)) {
      const waitMs = Math.max(0, startedAt + atMs - performance.now());
      await pause(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      onDisturbance(disturbance);
      killed = disturbance.what === 'kill-server' || (killed && disturbance.what !== 'start-server');
      await apply(disturbance, surroundings);
      played += 1;
    }
  } finally {
    surroundings.network(undefined);
    surroundings.thawServer();
    surroundings.freeDisk();
    if (killed) await surroundings.startServer();
  }
  return played;
};
