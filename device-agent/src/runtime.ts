/** What every part takes from outside instead of reaching for it: time, chance and a place to log. */
import { randomBytes } from 'node:crypto';

export interface Clock {
  /** Milliseconds since the Unix epoch, as this device believes; may step. */
  now(): number;
  /** Milliseconds of a clock that never steps; for intervals. */
  monotonic(): number;
}

/** Uniform in [0, 1). */
export type Random = () => number;

type LogCall = (facts: object, message: string) => void;

/** As much of pino as the agent uses; `level` may be changed while it runs. */
export interface Logger {
  level: string;
  readonly debug: LogCall;
  readonly info: LogCall;
  readonly warn: LogCall;
  readonly error: LogCall;
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** A logger that keeps silent; for agents embedded in another program. */
export const silentLogger = (): Logger => {
  const ignore: LogCall = () => undefined;
  return { level: 'info', debug: ignore, info: ignore, warn: ignore, error: ignore };
};

/** 80 random bits in lower-case hex. */
export const randomId = (): string => randomBytes(10).toString('hex');
