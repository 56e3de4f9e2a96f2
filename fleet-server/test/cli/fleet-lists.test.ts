/** `shoal overview | events | dead-letters | audit`, and the program itself as a process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { attentionSchema, examplesOf, fleetSummarySchema, storedEventSchema } from '@shoal/protocol';
import { FleetFixture, device, pages } from './fleet-fixture.ts';
import { shoal as run, type Outcome } from './run-shoal.ts';

let fleet: FleetFixture;
beforeEach(async () => {
  fleet = new FleetFixture();
  await fleet.start();
});
afterEach(() => fleet.stop());
const shoal = (line: string): Promise<Outcome> => run(line.split(' '), { environment: { SHOAL_SERVER: fleet.url } });

const letter = {
  id: 7,
  deviceId: 'pump-01',
  topic: 'shoal/v1/devices/pump-01/up/readings',
  receivedAt: 1_760_000_000_000,
  reason: 'PAYLOAD_NOT_JSON',
  detail: 'A payload is not JSON in UTF-8.',
  sizeBytes: 3,
  sample: 'AAAA',
};
const entry = {
  id: 1,
  at: 1_760_000_000_000,
  principal: 'operator:local',
  from: '127.0.0.1',
  action: 'device.labels.changed',
  subject: 'pump-01',
  before: null,
  after: {},
  hash: 'ab',
};

describe('lists', () => {
  const [event] = examplesOf(storedEventSchema);
  test.each([
    ['events --severity warning --device pump-07', '/api/events', event, 'engine.changed'],
    ['dead-letters --reason PAYLOAD_NOT_JSON', '/api/dead-letters', letter, 'PAYLOAD_NOT_JSON'],
    ['audit --subject pump-01', '/api/audit', entry, 'device.labels.changed'],
  ])('shoal %s', async (line, path, item, content) => {
    fleet.routes.set(`GET ${path}`, pages([item]));
    const { exitCode, stdout } = await shoal(line);
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(stdout).toContain(content);
    expect(JSON.parse((await shoal(`${line} --json`)).stdout)).toEqual([item]);
    fleet.routes.set(`GET ${path}`, pages([]));
    expect(await shoal(`${line} --json`)).toEqual({ exitCode: 0, stdout: '[]\n', stderr: '' });
  });

  test('events ask newest first, from a span ago', async () => {
    fleet.routes.set('GET /api/events', pages([]));
    await shoal('events --since 15m --kind engine.changed --limit 5');
    expect(Object.fromEntries(fleet.seen[0]?.url.searchParams ?? [])).toEqual({
      order: 'desc',
      kind: 'engine.changed',
      from: String(1_760_000_090_000 - 900_000),
      limit: '5',
    });
  });
});

describe('overview', () => {
  test('shows counts, then what needs attention with its remedy', async () => {
    const [summary] = examplesOf(fleetSummarySchema);
    const reason = {
      code: 'DEVICE_OFFLINE',
      sentence: '3 devices are offline.',
      severity: 'error',
      devices: 3,
      examples: ['pump-01', 'pump-02', 'pump-03'],
      since: 1_760_000_000_000,
      remedy: 'Check their power and network.',
    };
    const attention = attentionSchema.parse({ reasons: [reason] });
    fleet.routes.set('GET /api/overview', () => ({ body: summary }));
    fleet.routes.set('GET /api/overview/attention', () => ({ body: attention }));
    const { stdout } = await shoal('overview');
    expect(stdout).toMatch(/^devices +25: 24 online, 1 offline$/m);
    expect(stdout).toMatch(/error +3 \(pump-01, pump-02 …\) +1 m +3 devices are offline\. +Check their power/);
    expect(JSON.parse((await shoal('overview --json')).stdout)).toEqual({ summary, attention });
  });
});

describe('the program', () => {
  const start = (...words: string[]) =>
    spawn(
      process.execPath,
      ['--conditions=source', fileURLToPath(new URL('../../cli/main.ts', import.meta.url)), ...words],
      {
        env: { SHOAL_SERVER: fleet.url },
      },
    );

  test('prints data on stdout and ends with the exit code', async () => {
    fleet.routes.set('GET /api/devices', pages([device('pump-01')]));
    const listing = start('device', 'ls', '--json');
    const [stdout, [exitCode]] = await Promise.all([text(listing.stdout), once(listing, 'exit')]);
    expect([exitCode, (JSON.parse(stdout) as unknown[]).length]).toEqual([0, 1]);
    const missing = start('device', 'show', 'nobody');
    const [stderr, [code]] = await Promise.all([text(missing.stderr), once(missing, 'exit')]);
    expect([code, stderr]).toEqual([3, 'DEVICE_NOT_FOUND: No such device. List them.\n']);
  });

  test('Ctrl-C ends --watch in good order', async () => {
    fleet.routes.set('GET /api/devices', pages([device('pump-01')]));
    const watch = start('device', 'ls', '--watch');
    await once(watch.stdout, 'data');
    watch.kill('SIGINT');
    expect(await once(watch, 'exit')).toEqual([0, null]);
  });

  test('a reader that has enough is no failure', async () => {
    fleet.routes.set('GET /api/devices', pages(Array.from({ length: 5_000 }, (_, index) => device(`pump-${index}`))));
    const listing = start('device', 'ls', '--limit', '5000');
    await once(listing.stdout, 'data');
    listing.stdout.destroy();
    expect(await once(listing, 'exit')).toEqual([0, null]);
  });
});
