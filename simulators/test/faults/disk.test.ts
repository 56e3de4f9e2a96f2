/** A small disk is small for its process alone, can be filled from outside, and gives its space back. */
import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fillDisk, freeDisk, onSmallDisk, smallDiskObstacle } from '../../src/faults/disk.ts';

const obstacle = smallDiskObstacle();
const here = obstacle === undefined ? test : test.skip;

here(
  `a process on a small disk sees ENOSPC when it is filled${obstacle === undefined ? '' : ` (${obstacle})`}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'shoal-disk-'));
    const disk = { folder, sizeBytes: 1_000_000 };
    const script = `process.stdin.on('data', () => {
    try { require('node:fs').writeFileSync(process.argv[1] + '/file', Buffer.alloc(100_000)); console.log('written'); }
    catch (error) { console.log(error.code); }
  })`;
    const { file, args } = onSmallDisk(disk, { file: process.execPath, args: ['-e', script, folder] });
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const attempt = async (): Promise<unknown> => {
      child.stdin.write('go\n');
      return (await lines.next()).value;
    };
    try {
      expect(await attempt()).toBe('written');
      fillDisk(child.pid as number, disk);
      rmSync(join(`/proc/${child.pid}/root`, folder, 'file'));
      fillDisk(child.pid as number, disk);
      expect(await attempt()).toBe('ENOSPC');
      freeDisk(child.pid as number, disk);
      expect(await attempt()).toBe('written');
      expect(existsSync(join(folder, 'file'))).toBe(false);
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
