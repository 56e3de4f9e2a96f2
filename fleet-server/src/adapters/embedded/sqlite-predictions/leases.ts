/** Hands runs out, the most urgent of every model first, under a fencing token that was never given before. */
import type { Statement } from 'better-sqlite3';
import type { LeasedRun, QueueTurn } from '../../../ports/prediction-queue.ts';
import type { ModelNumbers } from './model-numbers.ts';
import { RUN, type Sqlite } from './predictions-file.ts';

interface LeasedRow {
  readonly run_no: number;
  readonly entity: string | null;
  readonly asked: Uint8Array;
  readonly attempts: number;
  readonly failures: number;
}

interface Model {
  readonly name: string;
  readonly version: string;
}

export class Leases {
  readonly #models: ModelNumbers;
  readonly #nextModel: Statement<[number], number | null>;
  readonly #model: Statement<[number], Model>;
  readonly #ready: Statement<[number, number], { run_no: number }>;
  readonly #lease: Statement<[number, number, number, number], LeasedRow>;
  readonly #fence: Statement<[], { last: number }>;
  readonly #renew: Statement<[number, number, number]>;
  readonly #expire: Statement<[number]>;
  readonly #wake: Statement<[number]>;
  readonly #takeBack: Statement<[]>;
  readonly #nextDue: Statement<[], { leased: number | null; resting: number | null }>;
  #lastModel = 0;

  constructor(db: Sqlite, models: ModelNumbers) {
    this.#models = models;
    this.#nextModel = db
      .prepare<[number], number | null>(`SELECT min(model_no) FROM runs WHERE state = ${RUN.ready} AND model_no > ?`)
      .pluck() as Statement<[number], number | null>;
    this.#model = db.prepare('SELECT name, version FROM models WHERE model_no = ?');
    this.#ready = db.prepare(
      `SELECT run_no FROM runs WHERE state = ${RUN.ready} AND model_no = ? ORDER BY priority, run_no LIMIT ?`,
    );
    this.#lease = db.prepare(
      `UPDATE runs SET state = ${RUN.leased}, fence = ?, due_at = ?, started_at = ?, attempts = attempts + 1
      WHERE run_no = ? RETURNING run_no, entity, asked, attempts, failures`,
    );
    this.#fence = db.prepare('UPDATE fences SET last = last + 1 RETURNING last');
    this.#renew = db.prepare(`UPDATE runs SET due_at = ? WHERE run_no = ? AND fence = ? AND state = ${RUN.leased}`);
    const freed = `state = ${RUN.ready}, fence = 0, due_at = NULL`;
    this.#expire = db.prepare(`UPDATE runs SET ${freed} WHERE state = ${RUN.leased} AND due_at <= ?`);
    this.#wake = db.prepare(`UPDATE runs SET ${freed} WHERE state = ${RUN.resting} AND due_at <= ?`);
    this.#takeBack = db.prepare(`UPDATE runs SET ${freed} WHERE state = ${RUN.leased}`);
    this.#nextDue = db.prepare(
      `SELECT (SELECT min(due_at) FROM runs WHERE state = ${RUN.leased}) AS leased,
        (SELECT min(due_at) FROM runs WHERE state = ${RUN.resting}) AS resting`,
    );
  }

  /** Leases of whoever held the file before. @returns how many */
  takeBack(): number {
    return this.#takeBack.run().changes;
  }

  renew({ renewed, leaseUntil }: QueueTurn): void {
    for (const { runNo, fence } of renewed) this.#renew.run(leaseUntil, runNo, fence);
  }

  /** What has rested, and leases that ended, can be leased again. @returns how many leases ended */
  free(now: number): number {
    this.#wake.run(now);
    return this.#expire.run(now).changes;
  }

  /** The next due instant of what is leased or rests; null for none. */
  nextDueAt(): number | null {
    const { leased = null, resting = null } = this.#nextDue.get() ?? {};
    if (leased === null || resting === null) return leased ?? resting;
    return Math.min(leased, resting);
  }

  /** Model after model in turn, so that none waits for the backlog of another. */
  lease(turn: QueueTurn): LeasedRun[] {
    const leased: LeasedRun[] = [];
    if (turn.rows <= 0) return leased;
    let fence = 0;
    for (const modelNo of this.#inTurn()) {
      const model = this.#model.get(modelNo) as Model;
      const room = Math.min(turn.rows - leased.length, this.#roomOf(turn, modelNo));
      if (room <= 0) continue;
      for (const { run_no: runNo } of this.#ready.all(modelNo, room)) {
        if (fence === 0) fence = this.#fence.get()?.last ?? 0;
        leased.push(asRun(this.#lease.get(fence, turn.leaseUntil, turn.now, runNo) as LeasedRow, fence, model));
      }
      this.#lastModel = modelNo;
      if (leased.length >= turn.rows) break;
    }
    return leased;
  }

  /** Numbers of models with ready runs, beginning after the one that was served last. */
  #inTurn(): number[] {
    const numbers: number[] = [];
    for (let next = this.#nextModel.get(0) ?? null; next !== null; next = this.#nextModel.get(next) ?? null) {
      numbers.push(next);
    }
    const start = numbers.findIndex((number) => number > this.#lastModel);
    return start <= 0 ? numbers : [...numbers.slice(start), ...numbers.slice(0, start)];
  }

  #roomOf({ rooms, rowsOfModel }: QueueTurn, modelNo: number): number {
    const own = rooms.find(({ model, version }) => this.#models.find(model, version) === modelNo);
    return own?.rows ?? rowsOfModel;
  }
}

const asRun = (row: LeasedRow, fence: number, { name, version }: Model): LeasedRun => ({
  runNo: row.run_no,
  fence,
  model: name,
  version,
  entity: row.entity,
  asked: row.asked,
  attempts: row.attempts,
  failures: row.failures,
});
