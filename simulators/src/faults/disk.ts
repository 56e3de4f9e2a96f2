/** A disk that is really full: a small tmpfs in a mount namespace of the process under test, no root needed where user namespaces are allowed. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SimulatorError } from '../errors.ts';

export interface SmallDisk {
  /** Exists already; the process sees an empty disk there, everybody else what was there before. */
  readonly folder: string;
  readonly sizeBytes: number;
}

export interface SpawnCommand {
  readonly file: string;
  readonly args: readonly string[];
}

const BALLAST = 'ballast';
const BLOCK_BYTES = 65_536;

/** As root a mount namespace is enough; others need a user namespace around it. */
const unshareFlags = (): readonly string[] =>
  process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];

/** Why a small disk cannot be made here, with the remedy; undefined when it can. */
export const smallDiskObstacle = (): string | undefined => {
  const probe = spawnSync('unshare', [...unshareFlags(), 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
  if (probe.error !== undefined) return 'unshare is missing; install it with: apt-get install util-linux';
  return probe.status === 0 ? undefined : 'mount namespaces are refused here; run as root or allow user namespaces';
};

/** Wraps a command so that its process (the same pid) has a small disk. */
export const onSmallDisk = (disk: SmallDisk, command: SpawnCommand): SpawnCommand => ({
  file: 'unshare',
  args: [
    ...unshareFlags(),
    'sh',
    '-c',
    'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@"',
    'sh',
    String(disk.sizeBytes),
    disk.folder,
    command.file,
    ...command.args,
  ],
});

/** The path of a file on the process's disk as seen from outside its namespace. */
const seenFromOutside = (pid: number, disk: SmallDisk): string => join(`/proc/${pid}/root`, disk.folder, BALLAST);

/** Fills the disk to the last block. @throws SimulatorError PROGRAM_MISSING when /proc does not show the process's disk */
export const fillDisk = (pid: number, disk: SmallDisk): void => {
  const block = Buffer.alloc(BLOCK_BYTES);
  let file: number;
  try {
    file = openSync(seenFromOutside(pid, disk), 'w');
  } catch (cause) {
    throw new SimulatorError('PROGRAM_MISSING', `The disk of process ${pid} cannot be reached through /proc.`, {
      cause,
    });
  }
  try {
    for (let size = BLOCK_BYTES; size >= 1; size = Math.floor(size / 2)) fillWith(file, block.subarray(0, size));
  } finally {
    closeSync(file);
  }
};

const fillWith = (file: number, block: Buffer): void => {
  try {
    while (writeSync(file, block) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
};

/** Gives the space back. */
export const freeDisk = (pid: number, disk: SmallDisk): void => rmSync(seenFromOutside(pid, disk), { force: true });
