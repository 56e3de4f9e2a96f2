import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { FleetFixture, withFleet } from '../fixtures/fleet-fixture.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

type Child = ChildProcessByStdio<null, Readable, Readable>;
const start = (...args: string[]): Child =>
  spawn(process.execPath, ['--conditions=source', '--disable-warning=ExperimentalWarning', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });

const run = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => {
  const child = start(...args);
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...text };
};

const configIn = async (folder: string, port: number): Promise<string> => {
  const file = join(folder, 'agent.json');
  const sensors = [{ type: 'synthetic', name: 's', rateHz: 100, channels: [{ name: 'a' }] }];
  const outbox = { commitWindowMs: 20 };
  await writeFile(
    file,
    JSON.stringify({
      deviceId: 'pump-07',
      dataDir: join(folder, 'data'),
      fleet: { port },
      sensors,
      outbox,
      localApi: { port: 0 },
    }),
  );
  return file;
};

const readyLine = async (child: Child): Promise<{ event: string; localUrl: string; pid: number }> => {
  for await (const line of createInterface({ input: child.stdout }))
    return JSON.parse(line) as { event: string; localUrl: string; pid: number };
  throw new Error('the agent ended before it was ready');
};

describe('the command line', () => {
  it('runs, answers its status, and stops in good order on SIGTERM with exit code 0', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const child = start('run', '--config', await configIn(folder, fleet.port));
        const closed = once(child, 'close');
        const ready = await readyLine(child);
        expect(ready).toMatchObject({ event: 'ready', deviceId: 'pump-07', pid: child.pid });
        await eventually(() => fleet.distinct('readings').length > 20);
        const asJson = await run('status', '--url', ready.localUrl, '--json');
        expect(asJson.code).toBe(0);
        const status = JSON.parse(asJson.out) as {
          outbox: { epoch: string; lastCommittedSequence: number; depth: number };
        };
        expect(status.outbox.epoch).toBe(fleet.births[0]?.epoch);
        expect(status.outbox.lastCommittedSequence).toBeGreaterThan(20);
        const forPeople = await run('status', '--url', ready.localUrl);
        expect(forPeople.out).toContain('uplink   connected');
        const health = await fetch(`${ready.localUrl}/health`);
        expect(await health.json()).toEqual({ state: 'ok', reasons: [] });
        child.kill('SIGTERM');
        expect(await closed).toEqual([0, null]);
      }),
    );
  }, 60_000);

  it('loses nothing that was committed when it is killed and started again, and keeps its epoch', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const config = await configIn(folder, fleet.port);
        let promised = 0;
        for (let round = 0; round < 3; round += 1) {
          const child = start('run', '--config', config);
          const closed = once(child, 'close');
          const { localUrl } = await readyLine(child);
          await eventually(async () => {
            const { outbox } = (await (await fetch(`${localUrl}/status`)).json()) as {
              outbox: { lastCommittedSequence: number };
            };
            const grown = outbox.lastCommittedSequence > promised + 30;
            if (grown) promised = outbox.lastCommittedSequence;
            return grown;
          });
          child.kill('SIGKILL');
          await closed;
        }
        const child = start('run', '--config', config);
        const closed = once(child, 'close');
        await readyLine(child);
        const all = (): Set<number> => new Set(fleet.records().map(({ sequence }) => sequence));
        await eventually(() =>
          Array.from({ length: promised }, (_, index) => index + 1).every((sequence) => all().has(sequence)),
        );
        expect(new Set(fleet.births.map(({ epoch }) => epoch)).size).toBe(1);
        child.kill('SIGTERM');
        expect(await closed).toEqual([0, null]);
      }),
    );
  }, 60_000);

  it('prints the configuration in force', async () => {
    await withFolder(async (folder) => {
      const { code, out } = await run('run', '--config', await configIn(folder, 1_883), '--print-config');
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ deviceId: 'pump-07', publish: { maxInFlight: 64 } });
    });
  });

  it.each([
    ['an unknown command', ['fly'], 2],
    ['an unknown option', ['run', '--fast'], 2],
    ['a missing configuration', ['run', '--config', '/nowhere.json'], 2],
    ['an agent that is not there', ['status', '--url', 'http://127.0.0.1:9'], 1],
    ['asking for help', ['--help'], 0],
  ])(
    'ends with its exit code for %s',
    async (_what, args, code) => {
      expect((await run(...args)).code).toBe(code);
    },
    30_000,
  );
});

describe('the local API', () => {
  it('answers only what it has, only to loopback names, and only reads', async () => {
    await withFolder(async (folder) => {
      const fleet = new FleetFixture();
      await fleet.start();
      const child = start('run', '--config', await configIn(folder, fleet.port));
      const closed = once(child, 'close');
      const { localUrl } = await readyLine(child);
      expect((await fetch(`${localUrl}/unheard-of`)).status).toBe(404);
      expect((await fetch(`${localUrl}/status`, { method: 'POST', body: 'x' })).status).toBe(405);
      expect((await fetch(`${localUrl}/status`, { method: 'HEAD' })).status).toBe(200);
      child.kill('SIGINT');
      expect(await closed).toEqual([0, null]);
      await fleet.stop();
    });
  }, 60_000);
});
