/** Everything that writes `predictions.db`: each job is one transaction. */
import type { NewTicket, QueueTurn, Submitted, TicketChange, TurnOutcome } from '../../../ports/prediction-queue.ts';
import { Leases } from './leases.ts';
import { ModelNumbers } from './model-numbers.ts';
import { OpenWork } from './open-work.ts';
import type { Sqlite } from './predictions-file.ts';
import { Settlement } from './settlement.ts';
import { Submissions } from './submissions.ts';
import type { QueueBounds } from './thread-messages.ts';
import { TicketChanges } from './ticket-changes.ts';
import { UntoldNews } from './untold-news.ts';

export class PredictionsWriter {
  readonly #db: Sqlite;
  readonly #models: ModelNumbers;
  readonly #open: OpenWork;
  readonly #submissions: Submissions;
  readonly #settlement: Settlement;
  readonly #leases: Leases;
  readonly #changes: TicketChanges;
  readonly #news: UntoldNews;

  constructor(db: Sqlite, bounds: QueueBounds) {
    this.#db = db;
    this.#models = new ModelNumbers(db);
    this.#open = new OpenWork(db);
    this.#submissions = new Submissions(db, this.#models, this.#open, bounds);
    this.#settlement = new Settlement(db, this.#open);
    this.#leases = new Leases(db, this.#models);
    this.#changes = new TicketChanges(db, this.#open, bounds);
    this.#news = new UntoldNews(db);
  }

  submit(tickets: readonly NewTicket[]): Submitted[] {
    return this.#whole(() => tickets.map((ticket) => this.#submissions.submit(ticket)));
  }

  turn(turn: QueueTurn): TurnOutcome {
    return this.#whole(() => {
      const { now, settled } = turn;
      const closed = settled.map((run) => this.#settlement.settle(run, now));
      const ended = [...closed.flatMap((tickets) => tickets ?? []), ...this.#changes.expire(now)];
      const finished = ended.map((ticketNo) => this.#changes.row(ticketNo));
      this.#leases.renew(turn);
      const takenBack = this.#leases.free(now);
      return {
        leased: this.#leases.lease(turn),
        finished: finished.map(({ ticket }) => ticket),
        stale: closed.filter((tickets) => tickets === undefined).length,
        takenBack,
        open: this.#open.tickets,
        untold: this.#news.write(finished),
        nextDueAt: this.#leases.nextDueAt(),
      };
    });
  }

  cancel(ticketId: string, now: number): TicketChange | null {
    return this.#whole(() => this.#changes.cancel(ticketId, now));
  }

  retry(ticketId: string, now: number, expiresAt: number): TicketChange | null {
    return this.#whole(() => this.#changes.retry(ticketId, now, expiresAt));
  }

  told(intentIds: readonly string[]): null {
    return this.#whole(() => this.#news.forget(intentIds));
  }

  trim(finishedBefore: number): number {
    return this.#whole(() => this.#changes.trim(finishedBefore));
  }

  takeBack(): number {
    return this.#whole(() => this.#leases.takeBack());
  }

  /** What is held in memory follows the rows, also when they are rolled back. */
  #whole<T>(work: () => T): T {
    try {
      return this.#db.transaction(work).immediate();
    } catch (error) {
      this.#models.forgetAll();
      this.#open.recount();
      throw error;
    }
  }
}
