/** Rows of schedules: how far each is decided, and the occurrences that were decided last. */
import type { Connection, ScoringOccurrenceRow, ScoringScheduleRow, Transaction } from '../db/database.ts';

/** Occurrences of a job that are kept to be looked at. */
const KEPT = 400;

export class SchedulesStore {
  async find(db: Connection, job: string): Promise<ScoringScheduleRow | undefined> {
    return db.selectFrom('scoring_schedules').selectAll().where('job', '=', job).executeTakeFirst();
  }

  async write(db: Connection, row: ScoringScheduleRow): Promise<void> {
    await db
      .insertInto('scoring_schedules')
      .values(row)
      .onConflict((conflict) =>
        conflict.column('job').doUpdateSet({ schedule: row.schedule, decided_until: row.decided_until }),
      )
      .execute();
  }

  /** What is decided stays as it was decided first. */
  async decide(transaction: Transaction, rows: readonly ScoringOccurrenceRow[]): Promise<void> {
    for (const row of rows) {
      await transaction
        .insertInto('scoring_occurrences')
        .values(row)
        .onConflict((conflict) => conflict.columns(['job', 'due_at']).doNothing())
        .execute();
    }
  }

  /** Decided to run and not submitted yet, in the order they are due. */
  async pending(db: Connection, job: string): Promise<ScoringOccurrenceRow[]> {
    return db
      .selectFrom('scoring_occurrences')
      .selectAll()
      .where('job', '=', job)
      .where('run_id', 'is', null)
      .where('reason', 'is', null)
      .orderBy('due_at')
      .execute();
  }

  async settle(db: Connection, { job, due_at, action, reason, run_id }: ScoringOccurrenceRow): Promise<void> {
    await db
      .updateTable('scoring_occurrences')
      .set({ action, reason, run_id })
      .where('job', '=', job)
      .where('due_at', '=', due_at)
      .execute();
  }

  /** The last ones, newest first. */
  async recent(db: Connection, job: string): Promise<ScoringOccurrenceRow[]> {
    return db
      .selectFrom('scoring_occurrences')
      .selectAll()
      .where('job', '=', job)
      .orderBy('due_at', 'desc')
      .limit(KEPT)
      .execute();
  }

  async trim(transaction: Transaction, job: string): Promise<void> {
    const oldest = await transaction
      .selectFrom('scoring_occurrences')
      .select('due_at')
      .where('job', '=', job)
      .orderBy('due_at', 'desc')
      .offset(KEPT)
      .limit(1)
      .executeTakeFirst();
    if (oldest === undefined) return;
    await transaction
      .deleteFrom('scoring_occurrences')
      .where('job', '=', job)
      .where('due_at', '<=', oldest.due_at)
      .where((where) => where.or([where('run_id', 'is not', null), where('reason', 'is not', null)]))
      .execute();
  }

  /** Of a job that was removed. */
  async remove(db: Connection, job: string): Promise<void> {
    await db.deleteFrom('scoring_occurrences').where('job', '=', job).execute();
    await db.deleteFrom('scoring_schedules').where('job', '=', job).execute();
  }

  async jobs(db: Connection): Promise<string[]> {
    const rows = await db.selectFrom('scoring_schedules').select('job').execute();
    return rows.map(({ job }) => job);
  }
}
