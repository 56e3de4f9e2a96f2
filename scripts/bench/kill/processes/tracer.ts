/** Puts a program under strace, with everything recorded that the durability check reads. */
import { spawnSync } from 'node:child_process';
import { WATCHED_CALLS } from '../trace/operations.ts';
import type { ProgramCommand } from './program.ts';

export const INSTALL_STRACE = 'strace is missing; install it with "apt-get install strace" (Debian, Ubuntu)';

/** True when strace exists and this machine lets it trace. */
export const canTrace = (): boolean =>
  spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0;

/** More than the largest single write: SQLite writes pages, a socket at most what is waiting for it. */
const STRING_BYTES = 4 * 1_024 * 1_024;

/**
 * The same program, traced into `logFile`: threads followed, descriptors named, strings whole and in hex. All in one
 * file, because its order of lines is the order of events.
 */
export const traced = (command: ProgramCommand, logFile: string): ProgramCommand => ({
  name: `${command.name} under strace`,
  file: 'strace',
  args: [
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-yy',
    '-xx',
    `--string-limit=${STRING_BYTES}`,
    `--output=${logFile}`,
    `--trace=${WATCHED_CALLS.join(',')}`,
    '--signal=none',
    '--',
    command.file,
    ...command.args,
  ],
});
