import { describe, expect, it } from '@jest/globals';
import { whileServed } from '../../src/start/while-served.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;

describe('work that needs a server', () => {
  it('gets a server that was killed back, and what it returns is returned', async () => {
    const said: string[] = [];
    const bed = { serverPid: 1 as number | undefined, startServer: async () => void (bed.serverPid = 2) };
    const result = await whileServed(
      bed,
      { terminal: { say: (text) => void said.push(text) }, signal: never },
      async () => {
        bed.serverPid = undefined;
        await eventually('the server is back', () => bed.serverPid === 2);
        return 'done';
      },
    );
    expect(result).toBe('done');
    expect(said).toEqual(['The fleet server ended; it is started again.']);
  });

  it('is broken off when the server cannot be started again', async () => {
    const bed = { serverPid: undefined, startServer: () => Promise.reject(new Error('port taken')) };
    const work = whileServed(bed, { terminal: { say: () => undefined }, signal: never }, (signal) =>
      eventually('the work is broken off', () => signal.aborted),
    );
    await expect(work).rejects.toThrow('port taken');
  });
});
