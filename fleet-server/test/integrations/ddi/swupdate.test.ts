/** The real client: SWUpdate of Debian polls, downloads, verifies, installs and reports. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until, type TestServer } from '../../running-server.ts';
import { GATEWAY_TOKEN, Operator, startWithDdi } from './rig.ts';
import { makeSigner, makeSwu } from './swu-file.ts';

// A client and a server that start and start again, on a machine that may be busy.
jest.setTimeout(180_000);

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
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    for (const stream of [client.stdout, client.stderr])
      stream?.on('data', (chunk: Buffer) => (talk += chunk.toString('utf8')));
  };
  const seen = (condition: () => boolean | Promise<boolean>): Promise<void> =>
    until(condition)
      .catch(() => until(condition))
      .catch((cause: unknown) => {
        throw new Error(`${String(cause)}; SWUpdate said:\n${talk}`, { cause });
      });
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
    await seen(() => existsSync(target) && readFileSync(target).equals(content));
    await seen(async () => (await operator.action(actionId)).state === 'proceeding');
    await stopClient();
    startClient('gateway-01', server.httpUrl, '-c 2');
    await seen(async () => (await operator.action(actionId)).state === 'finished');
    expect((await operator.target('gateway-01')).installed).toBe('gateway-os@1.0.0');
  });

  test('goes on with a download that was cut', async () => {
    const [content, target] = [randomBytes(3_000_000), join(folder, 'installed.bin')];
    await operator.upload('gateway-os', '2.0.0', makeSwu(folder, '2.0.0', content, target));
    const cut = await cuttingProxy(Number(new URL(server.httpUrl).port), 1_000_000);
    startClient('gateway-02', `http://127.0.0.1:${cut.port}`);
    await seen(async () => (await operator.target('gateway-02')).lastPolledAt != null);
    const { actionId } = await operator.assign('gateway-02', 'gateway-os@2.0.0');
    await seen(() => existsSync(target) && readFileSync(target).equals(content));
    await stopClient();
    cut.close();
    const { history } = await operator.action(actionId);
    const downloads = history.filter(({ what }) => what === 'download').map(({ messages }) => messages.join());
    expect(downloads).toEqual(['', expect.stringMatching(/^from byte [1-9]\d* on$/)]);
  });

  test('lets go of what is canceled, and goes on to what took its place', async () => {
    const images = ['4.0.0', '4.1.0'].map((version) => ({ version, content: randomBytes(10_000) }));
    const target = join(folder, 'installed.bin');
    for (const { version, content } of images)
      await operator.upload('gateway-os', version, makeSwu(folder, version, content, target));
    startClient('gateway-04', server.httpUrl);
    await seen(async () => (await operator.target('gateway-04')).lastPolledAt != null);
    const older = await operator.assign('gateway-04', 'gateway-os@4.0.0');
    await seen(() => existsSync(target));
    await stopClient();
    const newer = await operator.assign('gateway-04', 'gateway-os@4.1.0');
    expect((await operator.action(older.actionId)).state).toBe('canceling');
    startClient('gateway-04', server.httpUrl);
    await seen(async () => (await operator.action(older.actionId)).state === 'canceled');
    await seen(async () => readFileSync(target).equals(images[1]?.content ?? Buffer.alloc(0)));
    await seen(async () => (await operator.action(newer.actionId)).state === 'proceeding');
  });

  test('an image that somebody altered is reported as failed', async () => {
    const [content, target] = [randomBytes(10_000), join(folder, 'installed.bin')];
    const altered = makeSwu(folder, '3.0.0', content, target);
    const description = altered.indexOf('version = "3.0.0"');
    altered.write('9', description + 'version = "'.length);
    await operator.upload('gateway-os', '3.0.0', altered);
    startClient('gateway-03', server.httpUrl);
    await seen(async () => (await operator.target('gateway-03')).lastPolledAt != null);
    const { actionId } = await operator.assign('gateway-03', 'gateway-os@3.0.0');
    await seen(async () => (await operator.action(actionId)).state === 'failed');
    expect(existsSync(target)).toBe(false);
    expect((await operator.target('gateway-03')).installed).toBeNull();
  });
});

/** Once, after so many bytes of one connection, it breaks. */
const cuttingProxy = async (port: number, afterBytes: number): Promise<{ port: number; close(): void }> => {
  let isWhole = true;
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    let sent = 0;
    upstream.on('data', (chunk: Buffer) => {
      sent += chunk.length;
      if (isWhole && sent > afterBytes) {
        isWhole = false;
        client.destroy();
      } else client.write(chunk);
    });
    client.pipe(upstream);
    client.on('close', () => upstream.destroy()).on('error', () => upstream.destroy());
    upstream.on('close', () => client.destroy()).on('error', () => client.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return { port: (proxy.address() as AddressInfo).port, close: () => void proxy.close() };
};
