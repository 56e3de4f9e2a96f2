/** Linux hardware monitoring through sysfs, as Documentation/hwmon/sysfs-interface.rst of the kernel defines it. */
import { join } from 'node:path';
import type { PolledDevice } from './polled-source.ts';
import { findDevice, namesIn, readText } from './sysfs.ts';
import { channelNames, fileDevice, type FileChannel } from './sysfs-channels.ts';

/** Type → unit told here, and how many of the interface's unit make one. */
const UNITS: Readonly<Record<string, readonly [unit: string, perUnit: number]>> = {
  temp: ['°C', 1_000],
  in: ['V', 1_000],
  curr: ['A', 1_000],
  power: ['W', 1_000_000],
  energy: ['J', 1_000_000],
  humidity: ['%', 1_000],
  fan: ['rpm', 1],
  freq: ['Hz', 1],
};

const INPUT = /^(?<id>(?<type>[a-z]+)\d+)_(?:input|average)$/;

/** Throws SENSOR_DEVICE_NOT_FOUND, SENSOR_CHANNEL_UNKNOWN. A value whose `_fault` file says 1 is none. */
export const openHwmon = async (options: {
  readonly root: string;
  readonly device: string;
  readonly channels?: readonly string[] | undefined;
}): Promise<PolledDevice> => {
  const folder = await findDevice(options.root, options.device);
  const files = await namesIn(folder);
  const inputs = files.flatMap((file) => {
    const { id, type } = INPUT.exec(file)?.groups ?? {};
    const units = type === undefined ? undefined : UNITS[type];
    const isDoubled = file.endsWith('_average') && files.includes(`${id ?? ''}_input`);
    return id === undefined || units === undefined || isDoubled ? [] : [{ id, file, units }];
  });
  const labelled = await Promise.all(
    inputs.map(async ({ id }) => ({ id, label: await readText(join(folder, `${id}_label`)) })),
  );
  const names = channelNames(labelled);
  const channels = inputs.map(({ id, file, units: [unit, perUnit] }, index): FileChannel => {
    const faultFile = `${id}_fault`;
    const isWatched = files.includes(faultFile);
    return {
      name: names[index] ?? id,
      file,
      offset: 0,
      scale: 1 / perUnit,
      unit,
      ...(isWatched && { faultFile }),
    };
  });
  return fileDevice(folder, channels, options.channels);
};
