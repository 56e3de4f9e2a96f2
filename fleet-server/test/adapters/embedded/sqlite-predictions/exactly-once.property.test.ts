/** Whatever is submitted, leased, lost, settled twice, canceled, run again and killed in whatever order: one answer a ticket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openForWriting } from '../../../../src/adapters/embedded/sqlite-predictions/predictions-file.ts';
import { PredictionsWriter } from '../../../../src/adapters/embedded/sqlite-predictions/predictions-writer.ts';
import { TicketReads } from '../../../../src/adapters/embedded/sqlite-predictions/ticket-reads.ts';
import type { LeasedRun, StoredTicket } from '../../../../src/ports/prediction-queue.ts';
import { about, again, answered, failed, LEASE_MS, newTicket, NOW, turn } from '../../../prediction-tickets.ts';

type Step =
  | { readonly do: 'submit'; readonly entity: number | null }
  | { readonly do: 'lease'; readonly rows: number }
  | { readonly do: 'settle'; readonly which: number; readonly how: 'answered' | 'failed' | 'again' }
  | { readonly do: 'cancel' | 'retry'; readonly which: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'kill' };

const which = fc.nat({ max: 30 });
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('submit' as const), entity: fc.option(fc.nat({ max: 2 })) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('lease' as const), rows: fc.integer({ min: 1, max: 4 }) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        which,
        how: fc.constantFrom('answered' as const, 'failed' as const, 'again' as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'retry' as const), which }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 2 * LEASE_MS }) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: 'kill' as const }) },
  ),
  { minLength: 5, maxLength: 60 },
);

const OUTCOMES = { answered, failed, again };

class QueueUnderFire {
  readonly #folder = mkdtempSync(join(tmpdir(), 'shoal-once-'));
  #db = openForWriting(join(this.#folder, 'predictions.db'), NOW).db;
  #writer = new PredictionsWriter(this.#db, { maxOpen: 1_000, maxOpenBytes: 1_000_000 });
  #now = NOW;
  readonly #leased: LeasedRun[] = [];
  readonly #ids: string[] = [];
  /** Times each ticket was told as answered or failed. */
  readonly told = new Map<string, number>();
  readonly retried = new Map<string, number>();
  /** Outcomes that counted though another lease was given since, or the process that leased was killed. */
  trespasses = 0;
  /** By run: the token that was given last, to the process that lives. */
  readonly #newest = new Map<number, number>();

  take(step: Step): void {
    switch (step.do) {
      case 'submit': {
        const part = { createdAt: this.#now, expiresAt: this.#now + 3 * LEASE_MS };
        const ticket = step.entity === null ? newTicket(part) : about(`pump-${step.entity}`, part);
        this.#writer.submit([ticket]);
        this.#ids.push(ticket.ticketId);
        break;
      }
      case 'lease':
        this.#turn({ rows: step.rows });
        break;
      case 'settle': {
        // Also one that was settled before, or was taken by another since.
        const run = this.#leased[step.which % Math.max(1, this.#leased.length)];
        if (run === undefined) break;
        const isNewest = this.#newest.get(run.runNo) === run.fence;
        const stale = this.#turn({ settled: [OUTCOMES[step.how](run, this.#now + 1)] });
        if (stale === 0 && !isNewest) this.trespasses += 1;
        if (isNewest) this.#newest.delete(run.runNo);
        break;
      }
      case 'cancel':
        this.#writer.cancel(this.#id(step.which), this.#now);
        break;
      case 'retry': {
        const id = this.#id(step.which);
        const change = this.#writer.retry(id, this.#now, this.#now + 3 * LEASE_MS);
        if (change?.kind === 'changed') this.retried.set(id, (this.retried.get(id) ?? 0) + 1);
        break;
      }
      case 'wait':
        this.#now += step.ms;
        break;
      case 'kill':
        this.#db.close();
        this.#db = openForWriting(join(this.#folder, 'predictions.db'), NOW).db;
        this.#writer = new PredictionsWriter(this.#db, { maxOpen: 1_000, maxOpenBytes: 1_000_000 });
        this.#writer.takeBack();
        this.#newest.clear();
        break;
    }
  }

  /** Answers what is left. */
  drain(): void {
    this.#now += LEASE_MS;
    for (let rounds = 0; rounds < 100; rounds += 1) {
      const before = this.#leased.length;
      this.#turn({ rows: 10 });
      const runs = this.#leased.slice(before);
      if (runs.length === 0) return;
      this.#turn({ settled: runs.map((run) => answered(run)) });
    }
  }

  tickets(): StoredTicket[] {
    const reads = new TicketReads(this.#db);
    return this.#ids.flatMap((id) => reads.find(id) ?? []);
  }

  counted(): { readonly open: number; readonly counted: unknown } {
    const { open } = this.#writer.turn(turn({ now: this.#now }));
    return { open, counted: this.#db.prepare('SELECT count(*) FROM tickets WHERE state = 0').pluck().get() };
  }

  close(): void {
    this.#db.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #id(index: number): string {
    return this.#ids[index % Math.max(1, this.#ids.length)] ?? 'p-none';
  }

  /** @returns how many outcomes changed nothing */
  #turn(part: Parameters<typeof turn>[0]): number {
    const { leased, finished, stale } = this.#writer.turn(turn({ now: this.#now, ...part }));
    this.#leased.push(...leased);
    for (const { runNo, fence } of leased) this.#newest.set(runNo, fence);
    for (const { ticketId, state } of finished) {
      if (state === 'succeeded' || state === 'failed') this.told.set(ticketId, (this.told.get(ticketId) ?? 0) + 1);
    }
    return stale;
  }
}

it('a ticket has one answer, and one more only for each time it was run again', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const queue = new QueueUnderFire();
      try {
        for (const step of taken) queue.take(step);
        const { open, counted } = queue.counted();
        expect(open).toBe(counted);
        queue.drain();
        expect(queue.trespasses).toBe(0);
        for (const { ticketId, state, answers, answer } of queue.tickets()) {
          expect(['queued', 'running']).not.toContain(state);
          expect(answers).toBe(queue.told.get(ticketId) ?? 0);
          expect(answers).toBeLessThanOrEqual(1 + (queue.retried.get(ticketId) ?? 0));
          expect(answer !== null).toBe(state === 'succeeded');
          expect(answers > 0 || (state !== 'succeeded' && state !== 'failed')).toBe(true);
        }
      } finally {
        queue.close();
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);
