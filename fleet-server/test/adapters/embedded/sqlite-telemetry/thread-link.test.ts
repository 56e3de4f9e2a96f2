/** A thread that dies takes nothing with it but what it was asked, and can be started again. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ThreadLink } from '../../../../src/adapters/embedded/sqlite-telemetry/thread-link.ts';
import { until } from '../../../running-server.ts';

// Threads and servers start slowly on a machine that runs every suite at once.
jest.setTimeout(60_000);

type Job = { ask: null; answer: unknown };
interface Jobs {
  data: Job;
  die: Job;
  throw: Job;
  fail: Job;
  close: Job;
}

describe('ThreadLink', () => {
  const deaths: Error[] = [];
  let link: ThreadLink<Jobs>;
  beforeEach(async () => {
    deaths.length = 0;
    link = new ThreadLink<Jobs>(new URL('./mortal-thread.ts', import.meta.url), {
      onQuarantine: () => undefined,
      onDeath: (error) => deaths.push(error),
    });
    await link.start({ file: 'x' });
  });
  afterEach(() => link.stop());

  it('carries answers and faults with their code', async () => {
    expect(await link.ask('data', null)).toEqual({ file: 'x' });
    await expect(link.ask('fail', null)).rejects.toMatchObject({ code: 'SQLITE_FULL', message: 'full' });
  });

  it.each(['die', 'throw'] as const)(
    'rejects what is under way when the thread ends by "%s", and starts again',
    async (job) => {
      await expect(link.ask(job, null)).rejects.toThrow(job === 'die' ? 'ended' : 'out of order');
      await until(() => !link.isRunning);
      expect(deaths).toHaveLength(1);
      await expect(link.ask('data', null)).rejects.toThrow('does not run');
      await link.start();
      expect(await link.ask('data', null)).toEqual({ file: 'x' });
    },
  );

  it('says nothing of a death that was asked for', async () => {
    await link.stop();
    expect(deaths).toEqual([]);
  });
});
