/** The computer itself as a sensor: temperature, load, use of processor and memory, free disk. */
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolledDevice, PolledValues } from './polled-source.ts';
import { isFolder, namesIn, readNumber, readText } from './sysfs.ts';

const UNITS = {
  'cpu-temperature': '°C',
  'cpu-use': '%',
  'load-1m': '',
  'memory-available': '%',
  'disk-free': '%',
} as const;

interface CpuTimes {
  readonly idle: number;
  readonly total: number;
}

/** First line of /proc/stat: user nice system idle iowait irq softirq steal, then guests that are counted in user already. */
export const parseCpuTimes = (stat: string): CpuTimes | null => {
  const [name, ...texts] = (stat.split('\n')[0] ?? '').split(/\s+/);
  const times = texts.slice(0, 8).map(Number);
  if (name !== 'cpu' || times.length < 4 || times.some((time) => !Number.isFinite(time))) return null;
  return { idle: (times[3] ?? 0) + (times[4] ?? 0), total: times.reduce((sum, time) => sum + time, 0) };
};

/** Percent busy between two looks; null when there was no time between them. */
export const cpuUse = (before: CpuTimes | null, after: CpuTimes | null): number | null => {
  if (before === null || after === null || after.total <= before.total) return null;
  const busy = 1 - (after.idle - before.idle) / (after.total - before.total);
  return Math.round(Math.min(1, Math.max(0, busy)) * 10_000) / 100;
};

/** Percent of MemTotal that /proc/meminfo calls MemAvailable. */
export const memoryAvailable = (meminfo: string): number | null => {
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? Number.NaN);
  const share = field('MemAvailable') / field('MemTotal');
  return Number.isFinite(share) ? Math.round(share * 10_000) / 100 : null;
};

const CPU_ZONE = /cpu|x86_pkg_temp|soc|package/i;

/** The zone of the processor by its type, else the first; null on a machine without. */
const thermalFile = async (root: string): Promise<string | null> => {
  const folder = join(root, 'sys/class/thermal');
  const zones = (await namesIn(folder)).filter((name) => name.startsWith('thermal_zone'));
  const types = await Promise.all(zones.map((zone) => readText(join(folder, zone, 'type'))));
  const zone = zones[types.findIndex((type) => type !== null && CPU_ZONE.test(type))] ?? zones[0];
  return zone === undefined ? null : join(folder, zone, 'temp');
};

const diskFree = async (folder: string): Promise<number | null> =>
  statfs(folder).then(
    ({ bavail, blocks }) => (blocks > 0 ? Math.round((bavail / blocks) * 10_000) / 100 : null),
    () => null,
  );

/** A machine without a thermal zone has no `cpu-temperature`. */
export const openSystem = async ({ root, disk }: { root: string; disk: string }): Promise<PolledDevice> => {
  const thermal = await thermalFile(root);
  const { 'cpu-temperature': temperatureUnit, ...others } = UNITS;
  const cpuTimes = async (): Promise<CpuTimes | null> => parseCpuTimes((await readText(join(root, 'proc/stat'))) ?? '');
  let before = await cpuTimes();
  const read = async (): Promise<PolledValues> => {
    const [milli, times, load, meminfo, free] = await Promise.all([
      thermal === null ? null : readNumber(thermal),
      cpuTimes(),
      readNumber(join(root, 'proc/loadavg')),
      readText(join(root, 'proc/meminfo')),
      diskFree(join(root, disk)),
    ]);
    const use = cpuUse(before, times);
    before = times;
    return {
      ...(thermal !== null && { 'cpu-temperature': milli === null ? null : milli / 1_000 }),
      'cpu-use': use,
      'load-1m': load,
      'memory-available': memoryAvailable(meminfo ?? ''),
      'disk-free': free,
    };
  };
  return {
    units: thermal === null ? others : { 'cpu-temperature': temperatureUnit, ...others },
    read,
    isThere: () => isFolder(join(root, 'proc')),
  };
};
