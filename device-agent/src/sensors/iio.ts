/**
 * Linux Industrial I/O through sysfs, as Documentation/ABI/testing/sysfs-bus-iio of the kernel defines it: a processed value
 * where the driver has one (`in_*_input`), else (raw + offset) * scale, brought to the base unit.
 */
import { join } from 'node:path';
import type { PolledDevice } from './polled-source.ts';
import { findDevice, namesIn, readNumber, readText } from './sysfs.ts';
import { channelNames, fileDevice, type FileChannel } from './sysfs-channels.ts';

/** Type → unit told here, and how many of the ABI's unit make one. */
const UNITS: Readonly<Record<string, readonly [unit: string, abiPerUnit: number]>> = {
  voltage: ['V', 1_000],
  altvoltage: ['V', 1_000],
  current: ['A', 1_000],
  power: ['W', 1_000],
  energy: ['J', 1],
  temp: ['°C', 1_000],
  humidityrelative: ['%', 1_000],
  pressure: ['kPa', 1],
  accel: ['m/s²', 1],
  gravity: ['m/s²', 1],
  anglvel: ['rad/s', 1],
  angl: ['rad', 1],
  magn: ['G', 1],
  incli: ['°', 1],
  rot: ['°', 1],
  velocity: ['m/s', 1],
  illuminance: ['lx', 1],
  intensity: ['', 1],
  uvindex: ['', 1],
  proximity: ['', 1],
  distance: ['m', 1],
  concentration: ['%', 1],
  resistance: ['Ω', 1],
  capacitance: ['nF', 1],
  electricalconductivity: ['S/m', 1],
  ph: ['pH', 1],
  massconcentration: ['µg/m³', 1],
};

const ATTRIBUTE = /^in_(?<id>(?<type>[a-z]+)[a-z0-9_-]*?)_(?<kind>raw|input)$/;

interface Attribute {
  /** Such as voltage0, accel_x, voltage0-voltage1, temp_object. */
  readonly id: string;
  readonly type: string;
  readonly kind: 'raw' | 'input';
}

const attributesOf = (names: readonly string[]): Attribute[] => {
  const found = names.flatMap((name): Attribute[] => {
    const { id, type, kind } = ATTRIBUTE.exec(name)?.groups ?? {};
    return id === undefined || type === undefined ? [] : [{ id, type, kind: kind === 'raw' ? 'raw' : 'input' }];
  });
  const processed = new Set(found.filter(({ kind }) => kind === 'input').map(({ id }) => id));
  return found.filter(({ id, kind }) => kind === 'input' || !processed.has(id));
};

/** An attribute may belong to the channel, be shared by its type (differential or not), or by all inputs: the nearest counts. */
const sharedNames = ({ id, type }: Attribute, what: string): string[] => {
  const modified = /^(?<base>[a-z]+\d*)_[a-z0-9_]+$/.exec(id)?.groups?.['base'];
  return [id, ...(modified === undefined ? [] : [modified]), ...(id.includes('-') ? [`${type}-${type}`] : []), type]
    .map((prefix) => `in_${prefix}_${what}`)
    .concat(`in_${what}`);
};

const nearest = async (folder: string, attribute: Attribute, what: string, preset: number): Promise<number> => {
  for (const name of sharedNames(attribute, what)) {
    const value = await readNumber(join(folder, name));
    if (value !== null) return value;
  }
  return preset;
};

/** Throws SENSOR_DEVICE_NOT_FOUND, SENSOR_CHANNEL_UNKNOWN. Offset and scale are read once: who changes them opens the sensor again. */
export const openIio = async (options: {
  readonly root: string;
  readonly device: string;
  readonly channels?: readonly string[] | undefined;
}): Promise<PolledDevice> => {
  const folder = await findDevice(options.root, options.device);
  const attributes = attributesOf(await namesIn(folder));
  const labelled = await Promise.all(
    attributes.map(async ({ id }) => ({ id, label: await readText(join(folder, `in_${id}_label`)) })),
  );
  const names = channelNames(labelled);
  const channels = await Promise.all(
    attributes.map(async (attribute, index): Promise<FileChannel> => {
      const { id, type, kind } = attribute;
      const [unit, abiPerUnit] = UNITS[type] ?? ['', 1];
      const isRaw = kind === 'raw';
      return {
        name: names[index] ?? id,
        file: `in_${id}_${kind}`,
        offset: isRaw ? await nearest(folder, attribute, 'offset', 0) : 0,
        scale: (isRaw ? await nearest(folder, attribute, 'scale', 1) : 1) / abiPerUnit,
        unit,
      };
    }),
  );
  return fileDevice(folder, channels, options.channels);
};
