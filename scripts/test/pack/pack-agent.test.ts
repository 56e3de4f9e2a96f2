import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { packAgent } from '../../pack/pack-agent.ts';
import { TARGETS } from '../../pack/target.ts';

const target = TARGETS.find((name) => name === process.arch) ?? 'x64';
const folder = mkdtempSync(join(tmpdir(), 'shoal-pack-'));
const elsewhere = join(folder, 'elsewhere');
let root = '';
let launcher = '';

/** Nothing of this process is handed on: no PATH with a node, no NODE_OPTIONS. */
const EMPTY = { env: { PATH: '/usr/bin:/bin' }, cwd: elsewhere, encoding: 'utf8' as const };

const configure = (over: object = {}): string => {
  const file = join(elsewhere, 'agent.json');
  const recording = join(elsewhere, 'pump.csv');
  const channels = [
    'Accelerometer1RMS',
    'Accelerometer2RMS',
    'Current',
    'Pressure',
    'Temperature',
    'Thermocouple',
    'Voltage',
    'Volume Flow RateRMS',
  ];
  const row = (second: number): string =>
    [new Date(1_760_000_000_000 + second * 1_000).toISOString(), ...channels.map((_, c) => c + second / 100)].join(',');
  writeFileSync(recording, [`time,${channels.join(',')}`, ...Array.from({ length: 300 }, (_, i) => row(i))].join('\n'));
  const sensors = [{ type: 'replay', name: 'pump', file: recording, speed: 1e6 }];
  const config = {
    deviceId: 'packed',
    dataDir: join(elsewhere, 'data'),
    fleet: { port: 9 },
    localApi: { port: 0 },
    sensors,
    models: [{ bundle: 'pump-anomaly' }],
    ...over,
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
};

beforeAll(async () => {
  mkdirSync(elsewhere);
  const { file } = await packAgent({ target, outDir: folder, level: 1 });
  spawnSync('tar', ['-xzf', file, '-C', folder]);
  root = file.replace(/\.tar\.gz$/, '');
  launcher = join(root, 'bin', 'shoal-agent');
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the packed agent', () => {
  it('lists every file with its digest', () => {
    const { files } = JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8')) as {
      files: { path: string; sha256: string }[];
    };
    expect(files.length).toBeGreaterThan(500);
    const wrong = files.filter(
      ({ path, sha256 }) =>
        createHash('sha256')
          .update(readFileSync(join(root, path)))
          .digest('hex') !== sha256,
    );
    expect(wrong).toEqual([]);
  });

  it('says how it is used, in an empty environment and another folder', () => {
    const { status, stdout } = spawnSync(launcher, ['--help'], EMPTY);
    expect(status).toBe(0);
    for (const command of ['run', 'status', 'doctor', 'bench', 'diag']) expect(stdout).toContain(`  ${command}`);
  });

  it('finds with its own Node that a model runs here and that no fleet server answers', () => {
    const { status, stdout } = spawnSync(launcher, ['doctor', '--json', '--config', configure()], EMPTY);
    const { findings } = JSON.parse(stdout) as { findings: { check: string; verdict: string }[] };
    const verdictOf = (check: string): string | undefined =>
      findings.find((finding) => finding.check === check)?.verdict;
    expect([verdictOf('model pump-anomaly'), verdictOf('node'), verdictOf('sensor pump'), verdictOf('broker')]).toEqual(
      ['ok', 'ok', 'ok', 'fail'],
    );
    expect(status).toBe(1);
  }, 60_000);

  it('runs, and predicts', async () => {
    const child = spawn(launcher, ['run', '--config', configure()], {
      env: EMPTY.env,
      cwd: elsewhere,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = once(child, 'exit');
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const { localUrl } = JSON.parse(line) as { localUrl: string };
      const predictions = async (): Promise<number> => {
        const status = (await (await fetch(new URL('/status', localUrl))).json()) as {
          models: { inference: { predictions: number } }[];
        };
        return status.models[0]?.inference.predictions ?? 0;
      };
      while ((await predictions()) < 20) await new Promise((resolve) => setImmediate(resolve));
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
  }, 60_000);
});
