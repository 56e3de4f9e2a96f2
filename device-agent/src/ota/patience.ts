/** How long a source may keep a device waiting: one that does so on purpose sends a little now and then (slow retrieval, TUF 1.5.2). */
import { AgentError } from '../errors.ts';

export interface Patience {
  /** Milliseconds in which nothing may come. */
  readonly silenceMs: number;
  readonly leastBytesPerS: number;
  /** Milliseconds before that is asked for. */
  readonly graceMs: number;
}

export const PATIENCE: Patience = { silenceMs: 30_000, leastBytesPerS: 512, graceMs: 30_000 };

/** Throws UPDATE_TOO_SLOW. `bytes` that came in `ms`, from where `from` says. */
export const checkPace = ({ leastBytesPerS, graceMs }: Patience, from: string, bytes: number, ms: number): void => {
  if (ms > graceMs && (bytes / ms) * 1_000 < leastBytesPerS)
    throw new AgentError('UPDATE_TOO_SLOW', `${from} gives less than ${leastBytesPerS} bytes a second.`);
};
