/** "Not now": somebody on this machine holds updates for a while. It ends by itself, and a restart keeps it. */
import { updateHoldSchema, type UpdateHold } from '@shoal/protocol/wire';
import { z } from 'zod';
import { AgentError } from '../errors.ts';
import type { Clock } from '../runtime.ts';

export const holdFileSchema = z.object({ hold: updateHoldSchema.nullable() });
export type HoldFile = z.infer<typeof holdFileSchema>;

const LEAST_MS = 1_000;
const USUAL_MS = 3_600_000;
const MOST_REASON = 200;

/** What may be asked for; without a length an hour, or the longest there is. */
const wishSchema = z.strictObject({
  forMs: z.int().min(LEAST_MS).optional(),
  reason: z.string().trim().min(1).max(MOST_REASON).optional(),
});

export interface HoldBookOptions {
  readonly file: { read(): Promise<HoldFile | undefined>; write(value: HoldFile): Promise<void> };
  readonly clock: Clock;
  /** Longest that may be asked for at a time. */
  readonly maxMs: number;
}

export class HoldBook {
  readonly #options: HoldBookOptions;
  #hold: UpdateHold | null = null;
  /** By the monotonic clock: a clock that is set back does not lengthen it. */
  #endsAt = 0;

  constructor(options: HoldBookOptions) {
    this.#options = options;
  }

  /** Never longer from now than what was asked for, whatever the clock says after a power cut. */
  async start(): Promise<void> {
    const { file, clock, maxMs } = this.#options;
    const hold = (await file.read())?.hold ?? null;
    if (hold === null) return;
    const leftMs = Math.min(hold.until - clock.now(), hold.until - hold.since, maxMs);
    if (leftMs > 0) this.#keep(hold, leftMs);
  }

  /** Null while updates may go on. */
  current(): UpdateHold | null {
    const { clock } = this.#options;
    const isOver = this.#hold !== null && (clock.now() >= this.#hold.until || clock.monotonic() >= this.#endsAt);
    if (isOver) this.#hold = null;
    return this.#hold;
  }

  /** In place of one that is in force; durable when it resolves. Throws UPDATE_HOLD_INVALID, STATE_FILE_WRITE_FAILED: nothing has changed then. */
  async set(wish: unknown): Promise<UpdateHold> {
    const { file, clock, maxMs } = this.#options;
    const parsed = wishSchema.safeParse(wish);
    if (!parsed.success) {
      const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || '(body)'}: ${message}`);
      throw new AgentError('UPDATE_HOLD_INVALID', `Updates cannot be held so: ${faults.join('; ')}.`);
    }
    const { forMs = Math.min(USUAL_MS, maxMs), reason } = parsed.data;
    if (forMs > maxMs)
      throw new AgentError(
        'UPDATE_HOLD_INVALID',
        `Updates can be held for ${maxMs} ms at a time, not for ${forMs}; hold them again then.`,
      );
    const since = clock.now();
    const hold = { since, until: since + forMs, ...(reason !== undefined && { reason }) };
    await file.write({ hold });
    this.#keep(hold, forMs);
    return hold;
  }

  /** @returns whether there was one. Throws STATE_FILE_WRITE_FAILED; it is in force still then. */
  async release(): Promise<boolean> {
    const before = this.current();
    if (before === null) return false;
    await this.#options.file.write({ hold: null });
    this.#hold = null;
    return true;
  }

  #keep(hold: UpdateHold, leftMs: number): void {
    this.#hold = hold;
    this.#endsAt = this.#options.clock.monotonic() + leftMs;
  }
}
