/** `shoal feature` against the whole server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestServer, type TestServer } from '../running-server.ts';
import { shoal as run, type Outcome } from './run-shoal.ts';

let server: TestServer;
let folder: string;
const view = {
  name: 'site',
  entity: 'site',
  maxAgeMs: 1_000_000_000,
  features: [
    { name: 'load', source: { kind: 'pushed' } },
    { name: 'staffed', datatype: 'boolean', source: { kind: 'pushed' }, missing: 'fail' },
  ],
};
const fileOf = (name: string, text: string): string => {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
};
beforeAll(async () => {
  server = await startTestServer();
  folder = mkdtempSync(join(tmpdir(), 'shoal-cli-'));
});
afterAll(async () => {
  await server.stopAndRemove();
  rmSync(folder, { recursive: true, force: true });
});

const shoal = (words: readonly string[], input?: string): Promise<Outcome> =>
  run(words, { environment: { SHOAL_SERVER: server.httpUrl }, ...(input !== undefined && { input }) });
const asked = async <T>(...words: string[]): Promise<T> => {
  const { exitCode, stdout, stderr } = await shoal([...words, '--json']);
  expect([exitCode, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as T;
};

test('a view is defined from a file, replaced from standard input, listed and shown', async () => {
  expect((await shoal(['feature', 'define', fileOf('view.json', JSON.stringify(view))])).stdout).toContain('load');
  const again = await shoal(['feature', 'define', '-'], JSON.stringify({ ...view, description: 'busy or not' }));
  expect(again.stdout).toMatch(/revision\s+2/);
  expect((await shoal(['feature', 'ls'])).stdout).toContain('busy or not');
  expect((await shoal(['feature', 'show', 'pump-recent'])).stdout).toContain('mean of readings Pressure over 300 s');
  expect((await shoal(['feature', 'show', 'nope'])).exitCode).toBe(3);
  const bad = await shoal(['feature', 'define', '-'], '{"name":"x"}');
  expect([bad.exitCode, bad.stderr]).toEqual([2, expect.stringContaining('features')]);
});

test('values are told, read with their status, and listed', async () => {
  expect((await shoal(['feature', 'get', 'site', 's-1'])).stderr).toContain('staffed must be present');
  await asked('feature', 'put', 'site', 's-1', 'load=0.5', 'staffed=true');
  expect(await asked('feature', 'get', 'site', 's-1')).toMatchObject({ vector: [0.5, 1] });
  expect(await asked('feature', 'get', 'site', 's-1', '--as-of', '2020-01-01T00:00:00Z')).toMatchObject({
    vector: null,
  });
  expect((await shoal(['feature', 'history', 'site', 's-1'])).stdout).toContain('TRUE AT');
  expect((await shoal(['feature', 'put', 'site', 's-1', 'load=much'])).exitCode).toBe(2);
  expect((await shoal(['feature', 'audit'])).stderr).toContain('No served vector');
});

test('a file is imported in parts; refused rows are told by their line in the file', async () => {
  const rows = Array.from({ length: 40_000 }, (_, index) => `site-${index},${index === 39_990 ? 'x' : index},true`);
  const file = fileOf('sites.csv', `entity,load,staffed\n${rows.join('\n')}\n`);
  const { exitCode, stdout, stderr } = await shoal(['--timeout', '60000', 'feature', 'import', 'site', file, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    rows: 40_000,
    stored: 39_999,
    rejected: 1,
    examples: [{ line: 39_992, reason: 'FEATURE_VALUE_REFUSED' }],
  });
  expect((JSON.parse(stdout) as { imports: string[] }).imports.length).toBeGreaterThan(1);
  expect([exitCode, stderr]).toEqual([4, expect.stringContaining('IMPORT_ROWS_REJECTED')]);
  expect(await asked('feature', 'get', 'site', 'site-39999')).toMatchObject({ vector: [39_999, 1] });
});
