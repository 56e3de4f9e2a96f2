/** Limits every engine starts from. */
import type { ChildEngineOptions } from './child/supervisor.ts';

export const megabytes = (count: number): number => count * 1_048_576;

export const ENGINE_DEFAULTS = {
  hardLimitMs: 30_000,
  loadLimitMs: 60_000,
  patienceMs: 1_000,
  maxQueued: 256,
  maxRequestBytes: megabytes(64),
  hasRoom: () => false,
  now: () => Date.now(),
  random: () => Math.random(),
  onChild: () => undefined,
} as const satisfies Partial<ChildEngineOptions>;
