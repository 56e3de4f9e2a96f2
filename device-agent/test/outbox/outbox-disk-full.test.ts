import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { withFolder } from '../fixtures/conditions.ts';

const CHILD = fileURLToPath(new URL('./fixtures/disk-full-child.ts', import.meta.url));

/** A small file system of one's own needs user namespaces; where they are forbidden, the suite says so and passes over. */
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', '/mnt']).status === 0;

(canMount ? describe : describe.skip)('an outbox on a full disk', () => {
  it('keeps running, counts what memory cannot hold, and heals when there is space again', async () => {
    await withFolder(async (folder) => {
      const script = `mount -t tmpfs -o size=1m tmpfs "$1" && exec "$2" --conditions=source --disable-warning=ExperimentalWarning "$3" "$1"`;
      const child = spawn('unshare', ['-rm', 'sh', '-c', script, 'sh', folder, process.execPath, CHILD], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      const [code] = (await once(child, 'exit')) as [number];
      expect(code).toBe(0);
      const { full, healed, depth, dropped, put } = JSON.parse(output) as Record<string, number | string>;
      expect(full).toBe('disk-full');
      expect(healed).toBe('ok');
      expect(dropped).toBeGreaterThan(0);
      expect(Number(depth) + Number(dropped)).toBe(put);
    });
  }, 60_000);
});
