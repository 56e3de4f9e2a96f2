import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';

/** Linux counts niceness as field 19 of a thread's stat: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const nicenessOf = (stat: string): number => Number(stat.replace(/^.*\) /s, '').split(' ')[16]);

const entry = new URL('../../../src/adapters/embedded/give-way.ts', import.meta.url).href;
const program = `
  import { readFileSync } from 'node:fs';
  import { parentPort } from 'node:worker_threads';
  import { giveWay } from ${JSON.stringify(entry)};
  giveWay(7);
  parentPort.postMessage(readFileSync('/proc/thread-self/stat', 'utf8'));
`;

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('a thread that gives way', () => {
  it('is nicer than the thread that started it, which stays as it was', async () => {
    const before = nicenessOf(readFileSync('/proc/thread-self/stat', 'utf8'));
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), { execArgv: [] });
    const [stat] = (await once(worker, 'message')) as [string];
    await worker.terminate();
    expect(nicenessOf(stat)).toBe(Math.max(before, 7));
    expect(nicenessOf(readFileSync('/proc/thread-self/stat', 'utf8'))).toBe(before);
  });
});
