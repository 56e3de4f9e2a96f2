/** The killer really kills and freezes, at moments its seed decides, and leaves the victim running. */
import { expect, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { assault, type Victim } from '../../src/faults/process-killer.ts';
import { seededRandom } from '../../src/seeded-random.ts';

const sleeper = (): ChildProcess => spawn('sleep', ['60'], { stdio: 'ignore' });

test('a killed process is gone and started again', async () => {
  let child = sleeper();
  const signals: (string | null)[] = [];
  const stop = new AbortController();
  const victim: Victim = {
    pid: () => child.pid,
    restart: async () => {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      signals.push(child.signalCode);
      child = sleeper();
      if (signals.length === 3) stop.abort();
    },
  };
  const strikes = await assault(
    victim,
    { weapon: 'kill', everyMs: [1, 5], forMs: [1, 2] },
    seededRandom('killer'),
    stop.signal,
  );
  expect(strikes).toBe(3);
  expect(signals).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
  expect(child.exitCode).toBeNull();
  child.kill('SIGKILL');
});

test('a frozen process stands still and goes on', async () => {
  const child = sleeper();
  await once(child, 'spawn');
  const stop = new AbortController();
  const state = (): string => readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '?';
  const victim: Victim = { pid: () => child.pid, restart: async () => undefined };
  const strikes = assault(
    victim,
    { weapon: 'freeze', everyMs: [1, 2], forMs: [60_000, 60_001] },
    seededRandom('freezer'),
    stop.signal,
  );
  while (state() !== 'T') await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  expect(await strikes).toBe(1);
  while (state() === 'T') await new Promise((resolve) => setImmediate(resolve));
  child.kill('SIGKILL');
});
