/** A backtest as it is stored, and what may become of it. */
import type { Backtest, BacktestCreate, BacktestState } from '@shoal/protocol';

export type BacktestRecord = Omit<Backtest, 'progress'>;
export type BacktestDefinition = Omit<BacktestCreate, 'incidents'>;

/** More begin and never end: something about it takes the server down. */
export const ATTEMPTS = 5;

export const isOpen = ({ state }: { readonly state: BacktestState }): boolean =>
  state === 'queued' || state === 'running';

export const begun = (record: BacktestRecord, now: number): BacktestRecord => ({
  ...record,
  state: 'running',
  attempts: record.attempts + 1,
  startedAt: now,
});

/** The server that ran it is gone or going: it is begun anew, but not for ever. */
export const interrupted = (record: BacktestRecord, now: number): BacktestRecord =>
  record.attempts < ATTEMPTS
    ? { ...record, state: 'queued', startedAt: null }
    : failed(record, now, {
        code: 'BACKTEST_INTERRUPTED',
        message: `It was begun ${record.attempts} times, and the server went down each time before it ended.`,
      });

export const failed = (
  record: BacktestRecord,
  now: number,
  error: NonNullable<BacktestRecord['error']>,
): BacktestRecord => ({ ...record, state: 'failed', error, finishedAt: now });

export const finished = (
  record: BacktestRecord,
  now: number,
  figures: NonNullable<BacktestRecord['figures']>,
): BacktestRecord => ({ ...record, state: 'finished', figures, finishedAt: now });

export const canceled = (record: BacktestRecord, now: number): BacktestRecord => ({
  ...record,
  state: 'canceled',
  finishedAt: now,
});
