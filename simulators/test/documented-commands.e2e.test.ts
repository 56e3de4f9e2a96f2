/** Every command of the README and the guides, run as it is written; those beside `npm start` against a fleet of its own. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isForSubscribers, MQTT_CHANNELS, subscribeLine, type MqttChannel } from '@shoal/protocol';
import { environment } from './support/config.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, sendJson, temporaryFolder } from './support/rig.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const cleanup = new Cleanup();
const run = promisify(execFile);

const guides = readdirSync(join(ROOT, 'docs', 'guides')).filter((name) => name.endsWith('.md'));
const PAGES = ['README.md', 'docs/footprint.md', ...guides.map((name) => `docs/guides/${name}`)];

/** Blocks fenced as `sh` are run; a fence without a language is shown only. One command a line. */
const commandsOf = (page: string): string[] =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```sh\n(?<block>[\s\S]*?)^```$/gm)].flatMap(({ groups }) =>
    (groups?.['block'] ?? '').split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#')),
  );

let ports: { mqtt: string; http: string };

beforeAll(async () => {
  const args = ['--devices', '5', '--full', '1', '--mqtt-port', '0', '--http-port', '0'];
  const fleet = spawn(
    process.execPath,
    [join(ROOT, 'scripts', 'start.mjs'), ...args, '--data-dir', temporaryFolder(cleanup)],
    { cwd: ROOT, env: environment, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  cleanup.later(async () => {
    const gone = new Promise((resolve) => fleet.once('exit', resolve));
    fleet.kill('SIGINT');
    await gone;
  });
  let talk = '';
  for (const stream of [fleet.stdout, fleet.stderr]) stream.on('data', (chunk: Buffer) => (talk += chunk.toString()));
  await eventually('the fleet is up', () => / 5 online/.test(talk), 60_000);
  const port = (pattern: RegExp): string => pattern.exec(talk)?.[1] ?? '';
  ports = { http: port(/http:\/\/127\.0\.0\.1:(\d+)/), mqtt: port(/mqtt:\/\/127\.0\.0\.1:(\d+)/) };
}, 90_000);
afterAll(async () => cleanup.run(), 40_000);

/** The fleet of this test has ports of its own; nothing else of a command is changed. */
const here = (command: string): string =>
  command.replaceAll('127.0.0.1:8080', `127.0.0.1:${ports.http}`).replaceAll('-p 1883', `-p ${ports.mqtt}`);

const shell = async (command: string): Promise<string> => {
  const path = [join(ROOT, 'node_modules', '.bin'), environment['PATH']].join(delimiter);
  const [server, broker] = [`http://127.0.0.1:${ports.http}`, `mqtt://127.0.0.1:${ports.mqtt}`];
  const env = { ...environment, PATH: path, SHOAL_SERVER: server, SHOAL_MQTT: broker, NO_COLOR: '1' };
  const { stdout } = await run('bash', ['-c', here(command)], { cwd: ROOT, env, timeout: 60_000 });
  return stdout;
};

describe.each(PAGES)('%s', (page) => {
  test.each(commandsOf(page))(
    '`%s` works',
    async (command) => {
      const out = await shell(command);
      expect(out).not.toBe('');
    },
    70_000,
  );

  test('names only scripts of package.json and benches that exist', () => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...text.matchAll(/npm (?:run )?(?<script>start|test|[a-z]+:?[a-z]*)(?= --| |`|\n|$)/g)]
      .map(({ groups }) => groups?.['script'] ?? '')
      .filter((script) => !['run', 'ci', 'registry', 'install', 'is'].includes(script));
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
    const benches = [...text.matchAll(/npm run bench -- (?<name>[a-z-]+)/g)].map(({ groups }) => groups?.['name']);
    const files = readdirSync(join(ROOT, 'scripts', 'bench'));
    expect(benches.filter((name) => name !== 'all' && !files.includes(`${name}.ts`))).toEqual([]);
  });
});

const CHANNELS = MQTT_CHANNELS.filter(isForSubscribers);
const lineOf = (channel: MqttChannel): string => subscribeLine(channel, { host: '127.0.0.1', port: 1883 });
const GUIDE = readFileSync(join(ROOT, 'docs', 'guides', 'mqtt-subscriptions.md'), 'utf8').split('\n');
const documented = CHANNELS.filter((channel) => GUIDE.includes(lineOf(channel)));

test('the guide of subscriptions has the line of every channel that something is published on', () => {
  const builders = [
    'live',
    'window',
    'prediction',
    'alert',
    'fleetSummary',
    'homeAssistantConfig',
    'homeAssistantState',
  ];
  expect(new Set(documented.map(({ builder }) => builder))).toEqual(new Set(builders));
  expect(documented.map(lineOf)).toEqual(GUIDE.filter((line) => line.startsWith('mosquitto_sub')));
});

/** Lets something happen on every topic, over and over: a live message is missed by whoever comes late. */
const stir = async (round: number): Promise<void> => {
  const api = `http://127.0.0.1:${ports.http}/api`;
  await sendJson('PATCH', `${api}/devices/pump-01/twin`, { desired: { shownRound: round } });
  await sendJson('POST', `${api}/predictions`, {
    model: 'pump-anomaly',
    features: [0.2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  });
};

const listen = async (channel: MqttChannel): Promise<string> => shell(`${lineOf(channel)} -C 1 -W 55`);

const hasClients = spawnSync('bash', ['-c', 'command -v mosquitto_sub']).status === 0;
const withClients = hasClients ? describe : describe.skip;

withClients('mosquitto_sub as the guide has it (install: apt-get install mosquitto-clients)', () => {
  test('prints with every line a message that the schema accepts', async () => {
    const api = `http://127.0.0.1:${ports.http}/api`;
    await sendJson('PATCH', `${api}/devices/pump-01`, { labels: { 'home-assistant': 'yes' } });
    const definition = JSON.parse(
      readFileSync(join(ROOT, 'docs', 'guides', 'pump-ten-seconds.json'), 'utf8'),
    ) as object;
    await sendJson('POST', `${api}/streams`, { ...definition, name: 'shown', allowedLatenessMs: 0 });
    const when = { value: 'Pressure', above: -1e9 };
    await sendJson('POST', `${api}/alert-rules`, { name: 'shown', on: { kind: 'readings' }, when });
    let isOver = false;
    const listening = Promise.all(documented.map(listen)).finally(() => (isOver = true));
    for (let round = 0; !isOver; round += 1) {
      await stir(round);
      await Promise.race([listening, new Promise((resolve) => setTimeout(resolve, 1_000))]);
    }
    const printed = await listening;
    for (const [index, channel] of documented.entries()) {
      const [, topic = '', json = ''] = /^(\S+) (.*)\n$/.exec(printed[index] ?? '') ?? [];
      const [schema] = Object.values(channel.messages);
      expect([channel.address, topic.split('/').length]).toEqual([channel.address, channel.address.split('/').length]);
      expect(schema?.safeParse(JSON.parse(json)).error).toBeUndefined();
    }
  }, 90_000);
});
