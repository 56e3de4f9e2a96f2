/** A small disk is small for who is on it alone, can be filled, outlives the process on it, and gives its space back. */
import { describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SmallDisk, smallDiskObstacle } from '../../src/faults/disk.ts';

const obstacle = smallDiskObstacle();
const SCRIPT = `process.stdin.on('data', () => {
  try { require('node:fs').writeFileSync(process.argv[1] + '/file', Buffer.alloc(100_000)); console.log('written'); }
  catch (error) { console.log(error.code); }
})`;

const writerOn = (disk: SmallDisk) => {
  const { file, args } = disk.on({ file: process.execPath, args: ['-e', SCRIPT, disk.folder] });
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const attempt = async (): Promise<unknown> => {
    child.stdin.write('go\n');
    return (await lines.next()).value;
  };
  return { child, attempt };
};

(obstacle === undefined ? describe : describe.skip)(
  `a small disk${obstacle === undefined ? '' : ` (${obstacle})`}`,
  () => {
    test('is full for the process on it, and keeps its content over a restart', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'shoal-disk-'));
      const disk = new SmallDisk(folder, 1_000_000);
      await disk.start();
      const first = writerOn(disk);
      expect(await first.attempt()).toBe('written');
      first.child.kill('SIGKILL');
      await once(first.child, 'exit');
      expect(existsSync(disk.seenFromOutside('file'))).toBe(true);
      rmSync(disk.seenFromOutside('file'));
      const second = writerOn(disk);
      disk.fill();
      expect(await second.attempt()).toBe('ENOSPC');
      disk.free();
      expect(await second.attempt()).toBe('written');
      expect(existsSync(join(folder, 'file'))).toBe(false);
      second.child.kill('SIGKILL');
      await disk.stop();
      rmSync(folder, { recursive: true });
    });
  },
);
