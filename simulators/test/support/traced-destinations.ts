/** Reads what strace wrote: where a process and its children wanted to send anything. */
import { spawnSync } from 'node:child_process';
import type { SpawnCommand } from '../../src/faults/disk.ts';

export const INSTALL_STRACE = 'strace is missing; install it with: apt-get install strace';

export const canTrace = (): boolean => spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0;

/** The command with every connect and every datagram of it and its children written to a file. */
export const traced =
  (file: string) =>
  (command: SpawnCommand): SpawnCommand => ({
    file: 'strace',
    args: [
      '-f',
      '--seccomp-bpf',
      '-qq',
      '-e',
      'trace=connect,sendto,sendmsg,sendmmsg,socket',
      '-e',
      'signal=none',
      '-o',
      file,
      command.file,
      ...command.args,
    ],
  });

export interface Destination {
  readonly pid: number;
  readonly call: string;
  readonly host: string;
  readonly port: number;
}

const CALL = /^(\d+)\s+(connect|sendto|sendmsg|sendmmsg)\(/;
const INET = /sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)/g;
const INET6 = /sin6_port=htons\((\d+)\)[^}]*?inet_pton\(AF_INET6, "([^"]+)"/g;

/** Internet destinations in the order of the trace. Sockets of the machine itself (AF_UNIX, AF_NETLINK) are none. */
export const destinationsOf = (trace: string): Destination[] =>
  trace.split('\n').flatMap((line) => {
    const [, pid, call] = CALL.exec(line) ?? [];
    if (pid === undefined || call === undefined) return [];
    return [...line.matchAll(INET), ...line.matchAll(INET6)].map(([, port, host]) => ({
      pid: Number(pid),
      call,
      host: host ?? '',
      port: Number(port),
    }));
  });

/** Lines that open a socket of a family that is not known here: not read, so not proved. */
export const unreadSockets = (trace: string): string[] =>
  trace.split('\n').filter((line) => /\bsocket\(/.test(line) && !/socket\(AF_(INET6?|UNIX|NETLINK)[,)]/.test(line));
