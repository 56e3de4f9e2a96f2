/** Rows of backtests. */
import type { BacktestIncident, BacktestState } from '@shoal/protocol';
import type { BacktestRow, Connection, Transaction } from '../db/database.ts';
import type { BacktestPlot } from '../ports/backtest-runner.ts';
import type { BacktestRecord } from './backtest.ts';

export interface BacktestFilter {
  readonly model: string | undefined;
  readonly state: BacktestState | undefined;
}

/** Of exactly these releases, by the digests of their manifests. */
export interface BacktestPairing {
  readonly candidate: string;
  readonly champion: string;
}

export interface NewBacktest {
  readonly record: BacktestRecord;
  readonly number: number;
  readonly incidents: string | null;
  readonly request: string | null;
}

const recordOf = ({ document }: Pick<BacktestRow, 'document'>): BacktestRecord =>
  JSON.parse(document) as BacktestRecord;

export class BacktestsStore {
  async find(db: Connection, backtestId: string): Promise<BacktestRecord | undefined> {
    const row = await db
      .selectFrom('backtests')
      .select('document')
      .where('backtest_id', '=', backtestId)
      .executeTakeFirst();
    return row === undefined ? undefined : recordOf(row);
  }

  /** Newest first, below `before`; with the number that the next page starts below. */
  async page(
    db: Connection,
    filter: BacktestFilter,
    before: number | undefined,
    limit: number,
  ): Promise<{ readonly record: BacktestRecord; readonly number: number }[]> {
    let query = db.selectFrom('backtests').select(['document', 'number']).orderBy('number', 'desc').limit(limit);
    if (before !== undefined) query = query.where('number', '<', before);
    if (filter.model !== undefined) query = query.where('model', '=', filter.model);
    if (filter.state !== undefined) query = query.where('state', '=', filter.state);
    return (await query.execute()).map((row) => ({ record: recordOf(row), number: row.number }));
  }

  /** The one that waits longest. */
  async next(db: Connection): Promise<BacktestRecord | undefined> {
    const row = await db
      .selectFrom('backtests')
      .select('document')
      .where('state', '=', 'queued')
      .orderBy('number')
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? undefined : recordOf(row);
  }

  async running(db: Connection): Promise<BacktestRecord[]> {
    const rows = await db.selectFrom('backtests').select('document').where('state', '=', 'running').execute();
    return rows.map(recordOf);
  }

  async countOpen(db: Connection): Promise<number> {
    const row = await db
      .selectFrom('backtests')
      .select((select) => select.fn.countAll().as('open'))
      .where('state', 'in', ['queued', 'running'])
      .executeTakeFirst();
    return Number(row?.open ?? 0);
  }

  async highestNumber(db: Connection): Promise<number> {
    const row = await db
      .selectFrom('backtests')
      .select((select) => select.fn.max('number').as('number'))
      .executeTakeFirst();
    return Number(row?.number ?? 0);
  }

  async byRequest(
    db: Connection,
    request: string,
  ): Promise<{ readonly record: BacktestRecord; readonly incidents: string | null } | undefined> {
    const row = await db
      .selectFrom('backtests')
      .select(['document', 'incidents'])
      .where('creation_request', '=', request)
      .executeTakeFirst();
    return row === undefined ? undefined : { record: recordOf(row), incidents: row.incidents };
  }

  /** The one asked for last of those that ended well. */
  async lastFinished(db: Connection, { candidate, champion }: BacktestPairing): Promise<BacktestRecord | undefined> {
    const row = await db
      .selectFrom('backtests')
      .select('document')
      .where('candidate_digest', '=', candidate)
      .where('champion_digest', '=', champion)
      .where('state', '=', 'finished')
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? undefined : recordOf(row);
  }

  /** Undefined when the backtest has no labels. */
  async incidents(db: Connection, backtestId: string): Promise<BacktestIncident[] | undefined> {
    const row = await db
      .selectFrom('backtests')
      .select('incidents')
      .where('backtest_id', '=', backtestId)
      .executeTakeFirst();
    return row?.incidents == null ? undefined : (JSON.parse(row.incidents) as BacktestIncident[]);
  }

  /** None before it is finished. */
  async plots(db: Connection, backtestId: string): Promise<BacktestPlot[]> {
    const row = await db
      .selectFrom('backtests')
      .select('plots')
      .where('backtest_id', '=', backtestId)
      .executeTakeFirst();
    return row?.plots == null ? [] : (JSON.parse(row.plots) as BacktestPlot[]);
  }

  async insert(transaction: Transaction, { record, number, incidents, request }: NewBacktest): Promise<void> {
    await transaction
      .insertInto('backtests')
      .values({
        backtest_id: record.backtestId,
        number,
        model: record.model,
        candidate_digest: record.candidate.digest,
        champion_digest: record.champion.digest,
        state: record.state,
        document: JSON.stringify(record),
        incidents,
        plots: null,
        creation_request: request,
      })
      .execute();
  }

  /** @returns false when its state was another by then */
  async update(
    db: Connection,
    record: BacktestRecord,
    from: BacktestState,
    plots?: readonly BacktestPlot[],
  ): Promise<boolean> {
    const { numUpdatedRows } = await db
      .updateTable('backtests')
      .set({
        state: record.state,
        document: JSON.stringify(record),
        ...(plots !== undefined && { plots: JSON.stringify(plots) }),
      })
      .where('backtest_id', '=', record.backtestId)
      .where('state', '=', from)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Those that ended, but for the newest numbers. */
  async trim(transaction: Transaction, upToNumber: number): Promise<void> {
    await transaction
      .deleteFrom('backtests')
      .where('number', '<=', upToNumber)
      .where('state', 'not in', ['queued', 'running'])
      .execute();
  }
}
