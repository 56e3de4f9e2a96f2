/** One hertz, eight channels, two models, for a while: processor and flash of the agent and its engines. */
import { readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { PackedAgent } from './packed-agent.ts';
import { cpuSeconds, wakeUps, writtenBytes } from './process-tree.ts';

export interface Steady {
  /** Of one core. */
  readonly cpuPct: number;
  /** Extrapolated. */
  readonly diskMbPerHour: number;
  readonly wakeUpsPerSecond: number;
}

const HOUR_S = 3_600;

/**
 * Bytes that the log of the outbox still has to copy into its file: that happens once in hours, and must not be missed by a
 * look of minutes. Every page in the log once, as SQLite does it (https://www.sqlite.org/fileformat2.html#walformat).
 */
const checkpointBytes = (dataDir: string): number => {
  const log = readFileSync(join(dataDir, 'outbox.db-wal'));
  const pageBytes = log.readUInt32BE(8);
  const salt = log.subarray(16, 24);
  const pages = new Set<number>();
  for (let at = 32; at + 24 + pageBytes <= log.length; at += 24 + pageBytes)
    if (log.subarray(at + 8, at + 16).equals(salt)) pages.add(log.readUInt32BE(at));
  return pages.size * pageBytes;
};

const look = ({ pid, dataDir }: PackedAgent) => ({
  at: performance.now() / 1_000,
  cpu: cpuSeconds(pid),
  bytes: writtenBytes(pid) + checkpointBytes(dataDir),
  wakes: wakeUps(pid),
});

export const measureSteady = async (agent: PackedAgent, seconds: number): Promise<Steady> => {
  const before = look(agent);
  await pause(seconds * 1_000);
  const after = look(agent);
  const elapsed = after.at - before.at;
  return {
    cpuPct: ((after.cpu - before.cpu) / elapsed) * 100,
    diskMbPerHour: (((after.bytes - before.bytes) / elapsed) * HOUR_S) / 1e6,
    wakeUpsPerSecond: (after.wakes - before.wakes) / elapsed,
  };
};

const TMPFS_MAGIC = 0x01_02_19_94;

/** Whether the kernel counts writes to the folder: those to memory are none. */
export const isOnDisk = (folder: string): boolean => statfsSync(folder).type !== TMPFS_MAGIC;
