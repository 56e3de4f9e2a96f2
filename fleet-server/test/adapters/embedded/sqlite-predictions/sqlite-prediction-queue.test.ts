/** The prediction queue on SQLite: the contract with its real threads, and what only a file can be. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { pino } from 'pino';
import { PrometheusMetrics } from '../../../../src/adapters/embedded/prometheus-metrics.ts';
import { SqlitePredictionQueue } from '../../../../src/adapters/embedded/sqlite-predictions/sqlite-prediction-queue.ts';
import { CONTRACT_BOUNDS, predictionQueueContract, type QueueSubject } from '../../../prediction-queue.contract.ts';
import { newTicket } from '../../../prediction-tickets.ts';

const openQueue = async (folder: string): Promise<SqlitePredictionQueue> => {
  const data = { file: join(folder, 'predictions.db'), ...CONTRACT_BOUNDS };
  const queue = new SqlitePredictionQueue(data, { metrics: new PrometheusMetrics(), log: pino({ level: 'silent' }) });
  await queue.start();
  return queue;
};

const temporary = (): string => mkdtempSync(join(tmpdir(), 'shoal-predictions-'));

const open = async (): Promise<QueueSubject> => {
  const folder = temporary();
  const opened = [await openQueue(folder)];
  return {
    queue: opened[0] as SqlitePredictionQueue,
    reopen: async () => {
      // The one before stays open, as a process does that does not know yet that it is over.
      const next = await openQueue(folder);
      opened.push(next);
      return next;
    },
    remove: async () => {
      for (const queue of opened) await queue.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

describe('the queue on SQLite', () => {
  predictionQueueContract(open);
});

describe('its file', () => {
  it('of a newer version is refused and left alone', async () => {
    const folder = temporary();
    const db = new Database(join(folder, 'predictions.db'));
    db.pragma('user_version = 99');
    db.close();
    await expect(openQueue(folder)).rejects.toMatchObject({ code: 'PREDICTION_QUEUE_VERSION_UNKNOWN' });
    rmSync(folder, { recursive: true, force: true });
  });

  it('that is damaged is set aside, and the queue begins anew', async () => {
    const folder = temporary();
    writeFileSync(join(folder, 'predictions.db'), Buffer.alloc(8_192, 'no database'));
    const queue = await openQueue(folder);
    expect((await queue.submit(newTicket())).kind).toBe('queued');
    await queue.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('in a folder that is not there cannot be opened, by name', async () => {
    await expect(openQueue('/proc/none')).rejects.toMatchObject({ code: 'PREDICTION_QUEUE_UNAVAILABLE' });
  });
});
