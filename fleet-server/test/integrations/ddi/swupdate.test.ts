/** The real client: SWUpdate of Debian polls, downloads, verifies, installs and reports. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'node:http';
import { until, type TestServer } from '../../running-server.ts';
import { GATEWAY_TOKEN, Operator, startWithDdi } from './rig.ts';
import { makeSigner, makeSwu } from './swu-file.ts';

const isInstalled = spawnSync('bash', ['-c', 'command -v swupdate && command -v openssl']).status === 0;
const suite = isInstalled ? describe : describe.skip;

suite('SWUpdate (install: apt-get install swupdate openssl)', () => {
  let server: TestServer;
  let operator: Operator;
  let folder: string;
  let certificate: string;
  let client: ChildProcess | undefined;
  let talk = '';

  beforeAll(async () => {
    server = await startWithDdi({ POLL_SECONDS: '1' });
    operator = new Operator(server);
  });
  afterAll(() => server.stopAndRemove());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-swupdate-'));
    certificate = makeSigner(folder);
    talk = '';
  });
  afterEach(async () => {
    await stopClient();
    rmSync(folder, { recursive: true, force: true });
  });

  const startClient = (targetId: string, url: string, more = ''): void => {
    const poll = `-t DEFAULT -u ${url} -i ${targetId} -g ${GATEWAY_TOKEN} -p 1 -r 5 -w 1 ${more}`;
    // Its sockets lie in this folder: another instance on the machine is none of its business.
    client = spawn('swupdate', ['-v', '-H', 'board:1.0', '-k', certificate, '-u', poll], {
      cwd: folder,
      env: { ...process.env, TMPDIR: folder, RUNTIME_DIRECTORY: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [client.stdout, client.stderr])
      stream?.on('data', (chunk: Buffer) => (talk += chunk.toString('utf8')));
  };
  /** It forks; the group is of this test alone. */
  const stopClient = async (): Promise<void> => {
    const running = client;
    client = undefined;
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    process.kill(-running.pid, 'SIGKILL');
    await gone;
  };

  test('polls, installs what is assigned, and reports success after its restart', async () => {
    const [content, target] = [randomBytes(300_000), join(folder, 'installed.bin')];
    await operator.upload('gateway-os', '1.0.0', makeSwu(folder, '1.0.0', content, target));
    startClient('gateway-01', server.httpUrl);
    await until(async () => (await operator.target('gateway-01')).lastPolledAt != null);
    const { actionId } = await operator.assign('gateway-01', 'gateway-os@1.0.0');
    try {
      await until(() => existsSync(target) && readFileSync(target).equals(content));
      await until(async () => (await operator.action(actionId)).state === 'proceeding');
    } catch (error) {
      throw new Error(talk, { cause: error });
    }
    await stopClient();
    startClient('gateway-01', server.httpUrl, '-c 2');
    try {
      await until(async () => (await operator.action(actionId)).state === 'finished');
    } catch (error) {
      throw new Error(talk, { cause: error });
    }
    expect((await operator.target('gateway-01')).installed).toBe('gateway-os@1.0.0');
  });
});
