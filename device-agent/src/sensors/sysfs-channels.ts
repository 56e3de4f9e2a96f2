/** Channels that are files of one device folder, each with how its text becomes a value. */
import { join } from 'node:path';
import { AgentError } from '../errors.ts';
import type { PolledDevice } from './polled-source.ts';
import { isFolder, readNumber } from './sysfs.ts';

/** value = (number + offset) * scale */
export interface FileChannel {
  readonly name: string;
  readonly file: string;
  readonly offset: number;
  readonly scale: number;
  readonly unit: string;
  /** A file that says 1 while the value is not to be trusted. */
  readonly faultFile?: string;
}

/** Sums of decimal fractions such as 21437 * 0.001 without their binary tail: 12 digits are more than any converter has. */
const rounded = (value: number): number => Number(value.toPrecision(12));

const readChannel = async (folder: string, channel: FileChannel): Promise<number | null> => {
  const { file, offset, scale, faultFile } = channel;
  if (faultFile !== undefined && (await readNumber(join(folder, faultFile))) === 1) return null;
  const raw = await readNumber(join(folder, file));
  return raw === null ? null : rounded((raw + offset) * scale);
};

/** Those of `channels` that are `wanted`, all without it. Throws SENSOR_CHANNEL_UNKNOWN. */
const chosen = (folder: string, channels: readonly FileChannel[], wanted?: readonly string[]): FileChannel[] => {
  const names = channels.map(({ name }) => name);
  const strangers = wanted?.filter((name) => !names.includes(name)) ?? [];
  if (strangers.length > 0 || channels.length === 0) {
    const what = strangers.length > 0 ? `no channel ${strangers.join(', ')}` : 'no channel that is known';
    throw new AgentError('SENSOR_CHANNEL_UNKNOWN', `${folder} has ${what}; it has: ${names.join(', ') || 'none'}.`);
  }
  return channels.filter(({ name }) => wanted?.includes(name) ?? true).slice(0, 64);
};

/** One read of all channels at a time. Throws SENSOR_CHANNEL_UNKNOWN. */
export const fileDevice = (
  folder: string,
  channels: readonly FileChannel[],
  wanted?: readonly string[],
): PolledDevice => {
  const read = chosen(folder, channels, wanted);
  return {
    units: Object.fromEntries(read.map(({ name, unit }) => [name, unit])),
    read: async () =>
      Object.fromEntries(
        await Promise.all(read.map(async (channel) => [channel.name, await readChannel(folder, channel)] as const)),
      ),
    isThere: () => isFolder(folder),
  };
};

/** A label where the driver gives one, once; else the name of the file. */
export const channelNames = (labelled: readonly { readonly id: string; readonly label: string | null }[]): string[] =>
  labelled.map(({ id, label }) => {
    const usable = label !== null && label !== '' && label.length <= 64;
    return usable && labelled.filter((other) => other.label === label).length === 1 ? label : id;
  });
