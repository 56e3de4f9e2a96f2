/** Room on the disk for the log of the outbox, taken before it is needed. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';

/** A block of most file systems. More at once would lie in one piece of the page cache, of which a commit then dirties all. */
const BLOCK = new Uint8Array(4_096);

const fill = (fd: number, from: number, bytes: number): void => {
  for (let at = from; at < bytes;) at += writeSync(fd, BLOCK, 0, Math.min(BLOCK.byteLength, bytes - at), at);
  fsyncSync(fd);
};

/**
 * Fills the log up to `bytes` with zeros, which SQLite reads as its end: a commit then overwrites, where one that lets the file
 * grow writes its inode, its bitmap and its group as well. On a full disk the log has the length it had, and grows when it can.
 * Opens the file beside SQLite, which has no locks on it that closing could lose.
 */
export const takeLogRoom = (file: string, bytes: number): void => {
  const fd = openSync(`${file}-wal`, 'r+');
  try {
    const { size } = fstatSync(fd);
    try {
      fill(fd, size, bytes);
    } catch {
      ftruncateSync(fd, size);
    }
  } finally {
    closeSync(fd);
  }
};
