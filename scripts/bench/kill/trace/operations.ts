/** What a traced process did to its files and said on its sockets, told from its system calls. */
import { dataOf, descriptorOf, pathArguments, socketEnds, trailingNumbers, type SocketEnds } from './call-arguments.ts';
import type { SystemCall } from './system-calls.ts';

interface Span {
  readonly startedAt: number;
  readonly endedAt: number;
}

/** Changes to files and names below the watched folder. Paths are absolute. */
export type DiskOperation = Span &
  (
    | { readonly kind: 'open'; readonly path: string; readonly truncates: boolean }
    | { readonly kind: 'write'; readonly path: string; readonly offset: number; readonly data: Buffer }
    | { readonly kind: 'resize'; readonly path: string; readonly sizeBytes: number }
    /** Of a file: its content. Of a folder: the names in it. */
    | { readonly kind: 'sync'; readonly path: string }
    | { readonly kind: 'unlink'; readonly path: string }
    | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  );

export interface SocketWrite extends Span {
  readonly kind: 'send';
  readonly ends: SocketEnds;
  readonly data: Buffer;
}

/** Something that this model cannot follow, so that no verdict may rest on it. */
interface Unwatched extends Span {
  readonly kind: 'unwatched';
  readonly what: string;
}

export type Operation = DiskOperation | SocketWrite | Unwatched;

/** The calls to be traced: `operationOf` understands them or reports them. */
export const WATCHED_CALLS: readonly string[] = [
  'open openat creat close',
  'write writev pwrite64 pwritev pwritev2 sendto sendmsg sendmmsg sendfile',
  'ftruncate truncate fallocate copy_file_range mmap lseek',
  'fsync fdatasync sync syncfs sync_file_range',
  'rename renameat renameat2 unlink unlinkat link linkat',
].flatMap((names) => names.split(' '));

/** SQLite's index of the log lives in memory shared between processes and is made anew from the log after a crash. */
const isVolatile = (path: string): boolean => path.endsWith('-shm');

/** Follows file positions, which plain `write` needs, and keeps to one folder and to TCP sockets. */
export class OperationReader {
  private readonly folder: string;
  private readonly positions = new Map<number, number>();

  constructor(folder: string) {
    this.folder = folder;
  }

  read(call: SystemCall): Operation | undefined {
    const span = { startedAt: call.startedAt, endedAt: call.endedAt };
    if (call.result === null && call.endedAt !== Infinity) return undefined;
    switch (call.name) {
      case 'open':
      case 'openat':
      case 'creat':
        return this.opened(call, span);
      case 'close':
        this.positions.delete(descriptorOf(call.text)?.number ?? -1);
        return undefined;
      case 'rename':
      case 'renameat':
      case 'renameat2':
        return this.renamed(call, span);
      case 'unlink':
      case 'unlinkat':
        return this.named(call, span);
      case 'mmap':
        return this.mapped(call, span);
      default:
        return this.onDescriptor(call, span);
    }
  }

  private watches(path: string | undefined): path is string {
    return path !== undefined && (path === this.folder || path.startsWith(`${this.folder}/`)) && !isVolatile(path);
  }

  private opened({ text, result }: SystemCall, span: Span): Operation | undefined {
    const [path] = pathArguments(text);
    if (result !== null) this.positions.set(result, 0);
    if (!this.watches(path)) return undefined;
    if (/\bO_APPEND\b/.test(text)) return { kind: 'unwatched', what: `O_APPEND on ${path}`, ...span };
    const makes = /\bO_CREAT\b/.test(text);
    return makes ? { kind: 'open', path, truncates: /\bO_TRUNC\b/.test(text), ...span } : undefined;
  }

  private renamed({ text }: SystemCall, span: Span): Operation | undefined {
    const [path, to] = pathArguments(text);
    if (to === undefined || !this.watches(path)) return undefined;
    return { kind: 'rename', path, to, ...span };
  }

  private named({ text }: SystemCall, span: Span): Operation | undefined {
    const [path] = pathArguments(text);
    return this.watches(path) ? { kind: 'unlink', path, ...span } : undefined;
  }

  /** A shared writable mapping changes a file without a call that could be seen. */
  private mapped({ text }: SystemCall, span: Span): Operation | undefined {
    if (!/PROT_WRITE/.test(text) || !/MAP_SHARED/.test(text)) return undefined;
    const path = descriptorOf(text)?.target;
    return this.watches(path) ? { kind: 'unwatched', what: `a writable mapping of ${path}`, ...span } : undefined;
  }

  private onDescriptor(call: SystemCall, span: Span): Operation | undefined {
    const { name, text, result } = call;
    const descriptor = descriptorOf(text);
    if (descriptor === undefined) return undefined;
    const ends = socketEnds(descriptor.target);
    if (ends !== undefined) {
      const data = dataOf(text);
      return { kind: 'send', ends, data: data.subarray(0, result ?? data.length), ...span };
    }
    const path = descriptor.target;
    if (!this.watches(path)) return undefined;
    switch (name) {
      case 'write':
      case 'writev':
        return { kind: 'write', path, ...this.atPosition(descriptor.number, written(call)), ...span };
      case 'pwrite64':
      case 'pwritev':
        return { kind: 'write', path, offset: trailingNumbers(text).at(-1) ?? 0, data: written(call), ...span };
      case 'ftruncate':
        return { kind: 'resize', path, sizeBytes: trailingNumbers(text).at(-1) ?? 0, ...span };
      case 'fsync':
      case 'fdatasync':
        return { kind: 'sync', path, ...span };
      default:
        return { kind: 'unwatched', what: `${name} on ${path}`, ...span };
    }
  }

  private atPosition(descriptor: number, data: Buffer): { readonly offset: number; readonly data: Buffer } {
    const offset = this.positions.get(descriptor) ?? 0;
    this.positions.set(descriptor, offset + data.length);
    return { offset, data };
  }
}

/** A call that never returned may have written anything up to all of it. */
const written = ({ text, result }: SystemCall): Buffer => {
  const data = dataOf(text);
  return data.subarray(0, result ?? data.length);
};
