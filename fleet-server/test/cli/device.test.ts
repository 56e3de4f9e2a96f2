/** `shoal device …` against a real HTTP server: what it asks, what it prints, what it ends with. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FleetFixture, command, device, pages, problem } from './fleet-fixture.ts';
import { shoal as run, type Outcome, type RunOptions } from './run-shoal.ts';

let fleet: FleetFixture;
beforeEach(async () => {
  fleet = new FleetFixture();
  await fleet.start();
});
afterEach(() => fleet.stop());

const shoal = (line: string, options: RunOptions = {}): Promise<Outcome> =>
  run(line.split(' '), { ...options, environment: { SHOAL_SERVER: fleet.url, ...options.environment } });
const serve = (...items: unknown[]): void => void fleet.routes.set('GET /api/devices', pages(items));

describe('device ls', () => {
  test('one line per device under heads', async () => {
    serve(
      device('pump-01'),
      device('pump-02', { state: 'offline', why: 'Lost.', appliedTwinVersion: 1, lastSeenAt: null }),
    );
    const { exitCode, stdout, stderr } = await shoal('device ls');
    expect(exitCode).toBe(0);
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toEqual([
      'DEVICE   STATE    SINCE  SEEN  OUTBOX  TWIN    MODELS              WHY',
      'pump-01  online   1 m    30 s  0       2       pump-anomaly 1.0.0  Connected.',
      'pump-02  offline  1 m    -     0       1 of 2  pump-anomaly 1.0.0  Lost.',
    ]);
  });

  test('--json is what the server said, fields of newer servers included; nothing is []', async () => {
    serve({ ...device('pump-01'), novel: 1 });
    expect(JSON.parse((await shoal('device ls --json')).stdout)).toEqual([{ ...device('pump-01'), novel: 1 }]);
    serve();
    expect(await shoal('--json device ls')).toEqual({ exitCode: 0, stdout: '[]\n', stderr: '' });
    expect(await shoal('device ls')).toEqual({ exitCode: 0, stdout: '', stderr: 'No device matches.\n' });
  });

  test('filters are the query, pages are followed up to --limit, and the rest is mentioned', async () => {
    serve(...Array.from({ length: 2_500 }, (_, index) => device(`pump-${index}`)));
    const all = await shoal(
      'device ls --json --limit 2400 --state online --label site=north --label rack --search pump',
    );
    expect(JSON.parse(all.stdout)).toHaveLength(2_400);
    expect(all.stderr).toContain('Only the first 2400');
    const asked = Object.fromEntries(fleet.seen[0]?.url.searchParams ?? []);
    expect(asked).toEqual({ state: 'online', labels: 'site=north,rack', search: 'pump', limit: '1000' });
    expect(fleet.seen.map(({ url }) => url.searchParams.get('limit'))).toEqual(['1000', '1000', '400']);
  });

  test('what devices say cannot steer the terminal', async () => {
    serve(device('pump-01', { why: '\u001b[2Jgone\u202e\u009b31m\nnext' }));
    const { stdout } = await shoal('device ls');
    expect(stdout).toContain('\\u001b[2Jgone\\u202e\\u009b31m\\u000anext');
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  test('colours are for terminals, and NO_COLOR switches them off', async () => {
    serve(device('pump-01'));
    expect((await shoal('device ls', { isTTY: true })).stdout).toContain('\u001b[32monline');
    expect((await shoal('device ls', { isTTY: true, environment: { NO_COLOR: '1' } })).stdout).not.toContain(
      '\u001b[3',
    );
    expect((await shoal('device ls')).stdout).not.toContain('\u001b');
  });

  test('--watch prints a device again only when it changes, until it is ended', async () => {
    serve(device('pump-01'), device('pump-02'));
    const stop = new AbortController();
    const watched = shoal('device ls --watch --interval 1 --json', {
      signal: stop.signal,
      onData: (stdout) => {
        if (stdout.split('\n').length === 3)
          serve(device('pump-01', { lastSeenAt: 1 }), device('pump-02', { state: 'offline' }));
        if (stdout.includes('offline')) stop.abort();
      },
    });
    const { exitCode, stdout } = await watched;
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { deviceId: string; state: string });
    expect(exitCode).toBe(0);
    expect(lines.map(({ deviceId, state }) => `${deviceId} ${state}`)).toEqual([
      'pump-01 online',
      'pump-02 online',
      'pump-02 offline',
    ]);
  });
});

describe('device ls --watch and a server that goes away', () => {
  test('says so and goes on when it is back', async () => {
    serve(device('pump-01'));
    const stop = new AbortController();
    let looks = 0;
    const answer = pages([device('pump-01')]);
    fleet.routes.set('GET /api/devices', (seen) => {
      looks += 1;
      if (looks === 2) return { silent: true };
      if (looks === 3) stop.abort();
      return answer(seen);
    });
    const { exitCode, stderr } = await shoal('device ls --watch --interval 1 --timeout 200', { signal: stop.signal });
    expect([exitCode, looks]).toEqual([0, 3]);
    expect(stderr).toMatch(/^ANSWER_TIMED_OUT: .* Trying again\.\n$/);
  });
});

describe('device show, label, rm', () => {
  test('shows the state with why and since when', async () => {
    fleet.routes.set('GET /api/devices/pump-01', () => ({ body: device('pump-01') }));
    const { stdout } = await shoal('device show pump-01');
    expect(stdout).toMatch(/^state +online$/m);
    expect(stdout).toMatch(/^why +Connected\.$/m);
    expect(stdout).toMatch(/^since +2025-10-09T08:53:20Z \(1 m\)$/m);
  });

  test('labels are set and removed in one patch', async () => {
    fleet.routes.set('PATCH /api/devices/pump-01', () => ({ body: device('pump-01', { labels: { rack: 'a=b' } }) }));
    const { exitCode, stdout } = await shoal('device label pump-01 rack=a=b empty= site-');
    expect(exitCode).toBe(0);
    expect(stdout).toBe('rack=a=b\n');
    expect(fleet.seen[0]?.body).toEqual({ labels: { rack: 'a=b', empty: '', site: null } });
  });

  test('removing asks for --yes and then removes', async () => {
    fleet.routes.set('DELETE /api/devices/pump-01', () => ({ status: 204 }));
    expect((await shoal('device rm pump-01')).exitCode).toBe(2);
    expect(fleet.seen).toHaveLength(0);
    expect(await shoal('device rm pump-01 --yes')).toEqual({ exitCode: 0, stdout: '', stderr: 'Removed pump-01.\n' });
  });
});

describe('device twin', () => {
  beforeEach(() => fleet.serveTwin('pump-01'));

  test('get prints desired, reported and the delta', async () => {
    const { stdout } = await shoal('device twin get pump-01');
    expect(stdout).toMatch(/^version +1, applied 0$/m);
    expect(JSON.parse(stdout.slice(stdout.indexOf('{')))).toHaveProperty('delta.publish.everyNthReading', 1);
  });

  test('set merges paths and patches; what is no JSON is text; null deletes', async () => {
    const words = ['device', 'twin', 'set', 'pump-01', 'models.m.thresholds.score=1.4', 'models.m.enabled=true'];
    const environment = { SHOAL_SERVER: fleet.url };
    await run([...words, 'logLevel=debug', 'publish=null', '--patch', '-'], { environment, input: '{"a.b":[1]}' });
    expect(fleet.seen[0]?.body).toEqual({
      desired: {
        'a.b': [1],
        models: { m: { thresholds: { score: 1.4 }, enabled: true } },
        logLevel: 'debug',
        publish: null,
      },
    });
  });

  test('a stale --if-version is refused by the server and nothing to set by the command', async () => {
    const stale = await shoal('device twin set pump-01 a=1 --if-version 7');
    expect([stale.exitCode, stale.stderr]).toEqual([4, 'TWIN_VERSION_STALE: Read it again.\n']);
    expect((await shoal('device twin set pump-01')).exitCode).toBe(2);
    expect((await shoal('device twin set pump-01 --patch [1]')).exitCode).toBe(2);
    expect((await shoal('device twin set pump-01 a..b=1')).exitCode).toBe(2);
    expect((await shoal('device twin set pump-01 a=1 --if-version 1')).exitCode).toBe(0);
  });
});

describe('device command', () => {
  const becoming = (...states: Parameters<typeof command>[0][]): void => {
    fleet.routes.set('POST /api/devices/pump-01/commands', () => ({ status: 201, body: command() }));
    fleet.routes.set('GET /api/devices/pump-01/commands/k-1', () => ({
      body: command(states.length > 1 ? states.shift() : states[0]),
    }));
  };

  test('waits for the outcome and prints it', async () => {
    becoming(
      { state: 'sent' },
      { state: 'acknowledged' },
      { state: 'succeeded', finishedAt: 1_760_000_000_012, result: { a: 1 } },
    );
    const { exitCode, stdout } = await shoal('device command pump-01 ping --expire 5');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^state +succeeded$/m);
    expect(stdout).toMatch(/^took +12 ms$/m);
    expect(fleet.seen[0]?.body).toEqual({ name: 'ping', timeoutMs: 5_000 });
  });

  test.each([
    ['failed', 1, 'COMMAND_FAILED'],
    ['unsupported', 4, 'COMMAND_UNSUPPORTED'],
    ['expired', 5, 'COMMAND_EXPIRED'],
  ] as const)('%s ends with %d', async (state, exitCode, code) => {
    becoming({ state });
    const outcome = await shoal('device command pump-01 ping --json');
    expect(outcome.exitCode).toBe(exitCode);
    expect(outcome.stderr).toContain(code);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ state });
  });

  test('--no-wait prints it as sent; a name that is none is usage', async () => {
    becoming({ state: 'failed' });
    expect(await shoal('device command pump-01 ping --no-wait --json')).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await shoal('device command pump-01 explode')).exitCode).toBe(2);
    expect((await shoal('device command pump-01 ping --parameters [1]')).exitCode).toBe(2);
  });
});

describe('what a run ends with', () => {
  test.each([
    [
      'a device that is not there',
      () => problem(404, 'DEVICE_NOT_FOUND', 'No device "pump-01".'),
      3,
      'DEVICE_NOT_FOUND',
    ],
    ['a refusal', () => problem(403, 'FORBIDDEN', 'No.'), 4, 'FORBIDDEN'],
    ['a request the server cannot read', () => problem(400, 'REQUEST_INVALID', 'No.'), 2, 'REQUEST_INVALID'],
    ['a fault of the server', () => problem(503, 'STORAGE_UNAVAILABLE', 'Disk full.'), 1, 'STORAGE_UNAVAILABLE'],
    ['a server without the route', () => problem(404, 'ROUTE_NOT_FOUND', 'No.'), 1, 'ROUTE_NOT_FOUND'],
    ['something that is no fleet server', () => ({ status: 502, raw: '<html>' }), 1, 'ANSWER_INVALID'],
    ['an answer of another shape', () => ({ body: { deviceId: 7 } }), 1, 'ANSWER_INVALID'],
    ['no answer', () => ({ silent: true }), 5, 'ANSWER_TIMED_OUT'],
  ])('%s', async (_, route, exitCode, code) => {
    fleet.routes.set('GET /api/devices/pump-01', route);
    const outcome = await shoal('device show pump-01 --timeout 300');
    expect(outcome).toMatchObject({ exitCode, stdout: '' });
    expect(outcome.stderr).toMatch(new RegExp(`^${code}: .+\\n$`));
  });

  test('nobody there', async () => {
    const gone = new FleetFixture();
    await gone.start();
    const { url } = gone;
    await gone.stop();
    const outcome = await run(['--server', url, 'overview']);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toMatch(/^SERVER_UNREACHABLE: .*ECONNREFUSED/);
  });

  test.each([
    '',
    'nonsense',
    'device',
    'device ls --limit 0',
    'device show',
    'device show UPPER',
    'events --since yesterday',
    '--server here overview',
  ])('usage: shoal %s', async (line) => {
    const { exitCode, stdout, stderr } = await shoal(line);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).not.toBe('');
  });

  test('--help is data and ends well', async () => {
    const { exitCode, stdout } = await shoal('device ls --help');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('--watch');
  });
});
