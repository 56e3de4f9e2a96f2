/** A disk that is really full: a small tmpfs in a mount namespace of its own, no root needed where user namespaces are allowed. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SimulatorError } from '../errors.ts';

export interface SpawnCommand {
  readonly file: string;
  readonly args: readonly string[];
}

const BALLAST = 'ballast';
const BLOCK_BYTES = 65_536;

/** As root a mount namespace is enough; others need a user namespace around it. */
const isRoot = (): boolean => process.getuid?.() === 0;
const unshareFlags = (): readonly string[] => (isRoot() ? ['--mount'] : ['--user', '--map-root-user', '--mount']);

/** Why a small disk cannot be made here, with the remedy; undefined when it can. */
export const smallDiskObstacle = (): string | undefined => {
  const probe = spawnSync('unshare', [...unshareFlags(), 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
  if (probe.error !== undefined) return 'unshare is missing; install it with: apt-get install util-linux';
  return probe.status === 0 ? undefined : 'mount namespaces are refused here; run as root or allow user namespaces';
};

const fillWith = (file: number, block: Buffer): void => {
  try {
    while (writeSync(file, block) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
};

/**
 * Lives as long as its holder process, over any number of restarts of the process under test; its content is gone after `stop`.
 * Whoever is not `on` it sees what the folder held before.
 */
export class SmallDisk {
  /** Exists already. */
  readonly folder: string;
  private readonly sizeBytes: number;
  private holder: ChildProcess | undefined;

  constructor(folder: string, sizeBytes: number) {
    this.folder = folder;
    this.sizeBytes = sizeBytes;
  }

  /** @throws SimulatorError PROGRAM_MISSING with what stands in the way */
  async start(): Promise<void> {
    const script = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && echo mounted && exec cat';
    const args = [...unshareFlags(), 'sh', '-c', script, 'sh', String(this.sizeBytes), this.folder];
    // The holder reads a pipe of ours: it ends with us, however we end.
    const holder = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'ignore'] });
    const mounted = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit'), once(holder, 'error')]);
    if (!Buffer.isBuffer(mounted[0])) {
      throw new SimulatorError(
        'PROGRAM_MISSING',
        `No small disk at ${this.folder}: ${smallDiskObstacle() ?? 'mount failed'}.`,
      );
    }
    this.holder = holder;
  }

  async stop(): Promise<void> {
    const { holder } = this;
    if (holder === undefined) return;
    this.holder = undefined;
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  }

  /** A command whose process (the pid of the spawned one) has this disk. */
  on(command: SpawnCommand): SpawnCommand {
    const user = isRoot() ? [] : ['--user', '--preserve-credentials'];
    return {
      file: 'nsenter',
      args: [`--target=${this.holderPid}`, ...user, '--mount', command.file, ...command.args],
    };
  }

  /** The path of a file on the disk as everybody can reach it. */
  seenFromOutside(file: string): string {
    return join(`/proc/${this.holderPid}/root`, this.folder, file);
  }

  /** To the last byte. */
  fill(): void {
    const block = Buffer.alloc(BLOCK_BYTES);
    const file = openSync(this.seenFromOutside(BALLAST), 'w');
    try {
      for (let size = BLOCK_BYTES; size >= 1; size = Math.floor(size / 2)) fillWith(file, block.subarray(0, size));
    } finally {
      closeSync(file);
    }
  }

  /** Gives the space back. */
  free(): void {
    rmSync(this.seenFromOutside(BALLAST), { force: true });
  }

  private get holderPid(): number {
    const pid = this.holder?.pid;
    if (pid === undefined) throw new SimulatorError('PROGRAM_MISSING', `The small disk ${this.folder} is not mounted.`);
    return pid;
  }
}
