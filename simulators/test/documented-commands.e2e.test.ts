/** Every command of the README and the guides, run as it is written; those beside `npm start` against a fleet of its own. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { environment } from './support/config.ts';
import { eventually } from './support/eventually.ts';
import { Cleanup, temporaryFolder } from './support/rig.ts';

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
  const env = { ...environment, PATH: path, SHOAL_SERVER: `http://127.0.0.1:${ports.http}`, NO_COLOR: '1' };
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
