/** `shoal system` against the whole server: every command of the guide, in its order, and what they refuse. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestServer } from '../running-server.ts';
import { Client, Operator, startWithDdi } from '../integrations/ddi/rig.ts';
import { shoal as run, type Outcome } from './run-shoal.ts';

const GUIDE = readFileSync(fileURLToPath(new URL('../../../docs/guides/system-updates.md', import.meta.url)), 'utf8');
const FILE = 'gateway-os-2026.11.swu';

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startWithDdi();
  folder = mkdtempSync(join(tmpdir(), 'shoal-system-'));
  writeFileSync(join(folder, FILE), 'an image');
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.stopAndRemove();
});

/** Words in quotes stay together; the file of the guide lies in the folder of this test. */
const shoal = (line: string): Promise<Outcome> => {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  const here = words.map((word) => (word === FILE ? join(folder, FILE) : word));
  return run(here, { environment: { SHOAL_SERVER: server.httpUrl } });
};

test('every command of the guide does what it says', async () => {
  const lines = [...GUIDE.matchAll(/^npx shoal (system .*)$/gm)].map(([, line = '']) => line);
  expect(lines.length).toBeGreaterThanOrEqual(9);
  const printed: Record<string, string> = {};
  for (const line of lines) {
    const { exitCode, stdout, stderr } = await shoal(line);
    expect([line, exitCode, stderr.includes(':')]).toEqual([line, 0, false]);
    printed[line.split(' ')[1] ?? ''] = stdout + stderr;
  }
  expect(printed['images']).toContain('gateway-os@2026.11');
  expect(printed['targets']).toMatch(/gateway-07 .*gateway-os@2026\.11 +pending/);
  expect(printed['action']).toMatch(/assigned +by operator:local/);
  expect(printed['cancel']).toContain('is canceled');
});

test('a token that was printed counts, and what a target says is shown without control characters', async () => {
  const token = (await shoal('system token board-1')).stdout.trim();
  const client = new Client(server, 'board-1', { authorization: `TargetToken ${token}` });
  expect((await client.get('')).status).toBe(200);
  await client.send('PUT', '/configData', { data: { serial: 'x\u001b[2J' } });
  expect((await shoal('system target board-1')).stdout).toMatch(/attribute serial +x\\u001b\[2J/);
  const { actionId } = await new Operator(server).assign('board-1', 'gateway-os@2026.11');
  expect(JSON.parse((await shoal(`system actions --target board-1 --json`)).stdout)).toMatchObject([{ actionId }]);
});

test('what goes for good asks for --yes, and what is in use stays', async () => {
  expect((await shoal('system rm gateway-os@2026.11')).exitCode).toBe(2);
  const refused = await shoal('system rm gateway-os@2026.11 --yes');
  expect([refused.exitCode, refused.stderr]).toEqual([4, expect.stringContaining('SYSTEM_IMAGE_IN_USE')]);
  expect((await shoal('system forget board-1')).exitCode).toBe(2);
  expect((await shoal('system forget board-1 --yes')).exitCode).toBe(0);
  expect((await shoal('system rm gateway-os@2026.11 --yes')).exitCode).toBe(0);
  expect((await shoal('system assign nobody gateway-os@2026.11')).exitCode).toBe(3);
  expect((await shoal('system upload gateway-os@1 no-such-file.swu')).exitCode).toBe(2);
});
