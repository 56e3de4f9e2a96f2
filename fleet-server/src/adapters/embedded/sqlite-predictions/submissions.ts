/** Takes tickets in: each is answered at once, joined to a run, queued, or refused. */
import type { Statement } from 'better-sqlite3';
import type { NewTicket, StoredTicket, Submitted } from '../../../ports/prediction-queue.ts';
import type { ModelNumbers } from './model-numbers.ts';
import type { OpenWork } from './open-work.ts';
import { RUN, TICKET, type Sqlite } from './predictions-file.ts';
import { decideSubmission, type SubmissionFacts } from './submission-decision.ts';
import type { QueueBounds } from './thread-messages.ts';
import { SELECT_TICKETS, ticketOf, type TicketRow } from './ticket-rows.ts';

type Subject = [modelNo: number, entity: string | null, featureVersion: string | null];

export class Submissions {
  readonly #models: ModelNumbers;
  readonly #open: OpenWork;
  readonly #bounds: QueueBounds;
  readonly #known: Statement<[string], { ticketNo: number; digest: string }>;
  readonly #answered: Statement<Subject, { ticketNo: number; finishedAt: number }>;
  readonly #inFlight: Statement<Subject, number>;
  readonly #addRun: Statement<unknown[]>;
  readonly #hurry: Statement<[number, number]>;
  readonly #addTicket: Statement<unknown[]>;
  readonly #addKey: Statement<[string, string, number]>;
  readonly #ticket: Statement<[number], TicketRow>;

  constructor(db: Sqlite, models: ModelNumbers, open: OpenWork, bounds: QueueBounds) {
    this.#models = models;
    this.#open = open;
    this.#bounds = bounds;
    this.#known = db.prepare('SELECT ticket_no AS ticketNo, digest FROM keys WHERE key = ?');
    this.#answered = db.prepare(
      `SELECT t.ticket_no AS ticketNo, r.finished_at AS finishedAt FROM runs r JOIN tickets t ON t.run_no = r.run_no
      WHERE r.is_shared = 1 AND r.answer IS NOT NULL AND r.model_no = ? AND r.entity = ? AND r.feature_version = ?
        AND t.state = ${TICKET.succeeded}
      ORDER BY r.finished_at DESC LIMIT 1`,
    );
    this.#inFlight = db
      .prepare<Subject, number>(
        'SELECT run_no FROM runs WHERE is_shared = 1 AND finished_at IS NULL AND model_no = ? AND entity = ? AND feature_version = ?',
      )
      .pluck() as Statement<Subject, number>;
    this.#addRun = db.prepare(
      `INSERT INTO runs (model_no, entity, feature_version, is_shared, asked, priority, state)
      VALUES (?, ?, ?, ?, ?, ?, ${RUN.ready})`,
    );
    this.#hurry = db.prepare('UPDATE runs SET priority = min(priority, ?) WHERE run_no = ?');
    this.#addTicket = db.prepare(
      `INSERT INTO tickets (ticket_id, run_no, model_no, entity, priority, state, created_at, expires_at, webhook)
      VALUES (?, ?, ?, ?, ?, ${TICKET.open}, ?, ?, ?)`,
    );
    this.#addKey = db.prepare('INSERT INTO keys (key, digest, ticket_no) VALUES (?, ?, ?)');
    this.#ticket = db.prepare(`${SELECT_TICKETS} WHERE t.ticket_no = ?`);
  }

  /** Within a transaction. */
  submit(ticket: NewTicket): Submitted {
    const modelNo = this.#models.of(ticket.model, ticket.version);
    const decision = decideSubmission(this.#facts(ticket, modelNo));
    switch (decision.kind) {
      case 'same':
        return { kind: 'same', ticket: this.#show(decision.ticketNo) };
      case 'conflict':
        return { kind: 'conflict', ticketId: this.#show(decision.ticketNo).ticketId };
      case 'fresh':
        this.#remember(ticket, decision.ticketNo);
        return { kind: 'fresh', ticket: this.#show(decision.ticketNo) };
      case 'full':
        return { kind: 'full', open: this.#open.tickets };
      case 'join':
        this.#hurry.run(ticket.priority, decision.runNo);
        return { kind: 'joined', ticket: this.#add(ticket, modelNo, decision.runNo) };
      case 'queue':
        return { kind: 'queued', ticket: this.#add(ticket, modelNo, this.#run(ticket, modelNo)) };
    }
  }

  #facts({ key, isShareable, entity, featureVersion, freshSince, asked }: NewTicket, modelNo: number): SubmissionFacts {
    const subject: Subject = [modelNo, entity, featureVersion];
    return {
      digest: key?.digest ?? null,
      known: key === null ? undefined : this.#known.get(key.text),
      freshSince,
      answered: isShareable && freshSince !== Infinity ? this.#answered.get(...subject) : undefined,
      inFlight: isShareable ? this.#inFlight.get(...subject) : undefined,
      open: this.#open.tickets,
      openBytes: this.#open.bytes,
      bytes: asked.byteLength,
      ...this.#bounds,
    };
  }

  #run({ entity, featureVersion, isShareable, asked, priority }: NewTicket, modelNo: number): number {
    this.#open.bytes += asked.byteLength;
    const values = [modelNo, entity, featureVersion, isShareable ? 1 : 0, asked, priority];
    return Number(this.#addRun.run(...values).lastInsertRowid);
  }

  #add(ticket: NewTicket, modelNo: number, runNo: number): StoredTicket {
    const { ticketId, entity, priority, createdAt, expiresAt } = ticket;
    const webhook = ticket.webhook === null ? null : JSON.stringify(ticket.webhook);
    const values = [ticketId, runNo, modelNo, entity, priority, createdAt, expiresAt, webhook];
    const ticketNo = Number(this.#addTicket.run(...values).lastInsertRowid);
    this.#open.tickets += 1;
    this.#remember(ticket, ticketNo);
    return this.#show(ticketNo);
  }

  #remember({ key }: NewTicket, ticketNo: number): void {
    if (key !== null) this.#addKey.run(key.text, key.digest, ticketNo);
  }

  #show(ticketNo: number): StoredTicket {
    return ticketOf(this.#ticket.get(ticketNo) as TicketRow);
  }
}
