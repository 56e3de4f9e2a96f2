/** What threads that can wait say to the scheduler of Linux, as its own files tell it. */
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';

/** Linux counts niceness as field 19 of a thread's stat: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const nicenessIn = (stat: string): number => Number(stat.replace(/^.*\) /s, '').split(' ')[19 - 3]);

const entry = new URL('../src/give-way.ts', import.meta.url).href;
const ownNiceness = (): number => nicenessIn(readFileSync('/proc/thread-self/stat', 'utf8'));

interface Said {
  readonly stat: string;
  /** How often the thread went to sleep by itself while it worked. */
  readonly sleeps: number;
}

/** A thread that does so, and then computes for a fifth of a second with a chance to breathe in each round. */
const threadAfter = async (doing: string): Promise<Said> => {
  const program = `
    import { readFileSync } from 'node:fs';
    import { parentPort } from 'node:worker_threads';
    import { breathe, follow, giveWay } from ${JSON.stringify(entry)};
    const sleeps = () => Number(/^voluntary_ctxt_switches:\\s+(\\d+)/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))[1]);
    ${doing};
    const before = sleeps();
    const until = performance.now() + 200;
    while (performance.now() < until) breathe();
    parentPort.postMessage({ stat: readFileSync('/proc/thread-self/stat', 'utf8'), sleeps: sleeps() - before });
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), { execArgv: [] });
  const [said] = (await once(worker, 'message')) as [Said];
  await worker.terminate();
  return said;
};

const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux('a thread that gives way', () => {
  it('is nicer than the thread that started it, which stays as it was; one that follows the log sleeps now and then', async () => {
    const before = ownNiceness();
    const { stat, sleeps } = await threadAfter('giveWay(7)');
    expect(nicenessIn(stat)).toBe(Math.max(before, 7));
    expect(ownNiceness()).toBe(before);
    const follower = await threadAfter('follow()');
    expect(nicenessIn(follower.stat)).toBe(Math.max(before, 5));
    expect(follower.sleeps).toBeGreaterThan(sleeps);
  });
});
