import { rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/runtime.ts';
import { openHwmon } from '../../src/sensors/hwmon.ts';
import { openIio } from '../../src/sensors/iio.ts';
import { PolledSource, type PolledDevice } from '../../src/sensors/polled-source.ts';
import { cpuUse, memoryAvailable, openSystem, parseCpuTimes } from '../../src/sensors/system.ts';
import { codeOf, withFolder } from '../fixtures/conditions.ts';
import { plant } from '../fixtures/device-tree.ts';
import { take } from '../fixtures/take.ts';

const polled = (open: () => Promise<PolledDevice>, rateHz = 100): PolledSource =>
  new PolledSource({ name: 'board', rateHz, open, clock: systemClock });

describe('an IIO sensor', () => {
  it('gives raw values with their offset and scale, and processed ones, in base units', async () => {
    await withFolder(async (root) => {
      await plant(root, {
        'iio:device0/name': 'mcp3422',
        'iio:device0/in_voltage0_raw': 2048,
        'iio:device0/in_voltage0_scale': 0.5,
        'iio:device0/in_voltage1_raw': -100,
        'iio:device0/in_voltage_scale': 2,
        'iio:device0/in_voltage0-voltage1_raw': 10,
        'iio:device0/in_voltage-voltage_scale': 4,
        'iio:device1/name': 'bme280',
        'iio:device1/in_temp_input': 21_437,
        'iio:device1/in_temp_raw': 999,
        'iio:device1/in_humidityrelative_input': '40123.5',
        'iio:device1/in_pressure_input': '101.325',
        'iio:device2/name': 'lis3dh',
        'iio:device2/in_accel_x_raw': 100,
        'iio:device2/in_accel_y_raw': -50,
        'iio:device2/in_accel_scale': '0.009806',
        'iio:device2/in_temp_raw': 10,
        'iio:device2/in_temp_offset': 15,
        'iio:device2/in_temp_scale': 1000,
        'iio:device2/in_timestamp_en': 1,
      });
      const values = async (device: string) => (await openIio({ root, device })).read();
      expect(await values('mcp3422')).toEqual({ voltage0: 1.024, voltage1: -0.2, 'voltage0-voltage1': 0.04 });
      expect(await values('iio:device1')).toEqual({ temp: 21.437, humidityrelative: 40.1235, pressure: 101.325 });
      const accelerometer = await openIio({ root, device: 'lis3dh' });
      expect(await accelerometer.read()).toEqual({ accel_x: 0.9806, accel_y: -0.4903, temp: 25 });
      expect(accelerometer.units).toEqual({ accel_x: 'm/s²', accel_y: 'm/s²', temp: '°C' });
      expect(await (await openIio({ root, device: 'lis3dh', channels: ['temp'] })).read()).toEqual({ temp: 25 });
    });
  });

  it('refuses by name what is not there, what two devices are called, and channels that the device has not', async () => {
    await withFolder(async (root) => {
      expect(await codeOf(openIio({ root: join(root, 'none'), device: 'x' }))).toBe('SENSOR_DEVICE_NOT_FOUND');
      await plant(root, {
        'iio:device0/name': 'adc',
        'iio:device1/name': 'adc',
        'iio:device0/in_voltage0_raw': 1,
        'iio:device2/name': 'odd',
      });
      await expect(openIio({ root, device: 'bme280' })).rejects.toThrow(
        'there are iio:device0 (adc), iio:device1 (adc)',
      );
      await expect(openIio({ root, device: 'adc' })).rejects.toThrow('iio:device0, iio:device1 are all called so');
      expect(await codeOf(openIio({ root, device: 'iio:device0', channels: ['temp'] }))).toBe('SENSOR_CHANNEL_UNKNOWN');
      expect(await codeOf(openIio({ root, device: 'odd' }))).toBe('SENSOR_CHANNEL_UNKNOWN');
    });
  });
});

describe('a hwmon sensor', () => {
  it('gives every kind of value in its base unit, under its label where that is clear', async () => {
    await withFolder(async (root) => {
      await plant(root, {
        'devices/hwmon3/name': 'coretemp',
        'devices/hwmon3/temp1_input': 45_250,
        'devices/hwmon3/temp1_label': 'Package',
        'devices/hwmon3/temp2_input': 40_000,
        'devices/hwmon3/temp2_label': 'Core',
        'devices/hwmon3/temp3_input': 41_000,
        'devices/hwmon3/temp3_label': 'Core',
        'devices/hwmon3/temp1_crit': 100_000,
        'devices/hwmon3/in0_input': 1_056,
        'devices/hwmon3/curr1_input': 250,
        'devices/hwmon3/fan1_input': 1_200,
        'devices/hwmon3/power1_average': 5_200_000,
        'devices/hwmon3/humidity1_input': 40_500,
        'devices/hwmon3/pwm1': 128,
        'devices/hwmon3/update_interval': 1_000,
      });
      // As in /sys/class, where devices are links.
      await plant(root, { 'class/.keep': '' });
      await symlink(join(root, 'devices/hwmon3'), join(root, 'class/hwmon3'));
      const device = await openHwmon({ root: join(root, 'class'), device: 'coretemp' });
      expect(await device.read()).toEqual({
        Package: 45.25,
        temp2: 40,
        temp3: 41,
        in0: 1.056,
        curr1: 0.25,
        fan1: 1_200,
        power1: 5.2,
        humidity1: 40.5,
      });
      expect(device.units).toMatchObject({
        Package: '°C',
        in0: 'V',
        curr1: 'A',
        fan1: 'rpm',
        power1: 'W',
        humidity1: '%',
      });
    });
  });

  it('gives null for a sensor that says it is at fault', async () => {
    await withFolder(async (root) => {
      await plant(root, { 'hwmon0/name': 'a', 'hwmon0/temp1_input': 45_000, 'hwmon0/temp1_fault': 0 });
      const device = await openHwmon({ root, device: 'a' });
      expect(await device.read()).toEqual({ temp1: 45 });
      await plant(root, { 'hwmon0/temp1_fault': 1 });
      expect(await device.read()).toEqual({ temp1: null });
    });
  });
});

describe('a polled sensor', () => {
  it('marks what it cannot read, goes on with the rest, and fails by name when the device is gone', async () => {
    await withFolder(async (root) => {
      await plant(root, { 'hwmon0/name': 'a', 'hwmon0/temp1_input': 45_000, 'hwmon0/temp2_input': 46_000 });
      const source = polled(() => openHwmon({ root, device: 'a' }));
      const steps = [
        () => rm(join(root, 'hwmon0/temp2_input')),
        () => writeFile(join(root, 'hwmon0/temp1_input'), 'EIO'),
        () => rm(join(root, 'hwmon0'), { recursive: true }),
      ];
      const samples: unknown[] = [];
      const reading = (async () => {
        for await (const { values, marks } of source.samples(new AbortController().signal)) {
          samples.push([values, marks]);
          await steps.shift()?.();
        }
      })();
      expect(await codeOf(reading)).toBe('SENSOR_DEVICE_GONE');
      expect(samples).toEqual([
        [{ temp1: 45, temp2: 46 }, undefined],
        [{ temp1: 45, temp2: null }, { temp2: 'missing' }],
        [
          { temp1: null, temp2: null },
          { temp1: 'missing', temp2: 'missing' },
        ],
      ]);
      expect(source.report()).toMatchObject({ rowsRead: 3, bad: { 'channel-unreadable': 3 } });
    });
  });

  it('skips ticks that pass during a slow read, and counts them', async () => {
    let now = 0;
    const clock = { now: () => now, monotonic: () => now };
    const device: PolledDevice = {
      units: { a: '' },
      isThere: async () => true,
      read: async () => {
        now += 35;
        return { a: 1 };
      },
    };
    const source = new PolledSource({ name: 'slow', rateHz: 100, open: async () => device, clock });
    const samples = await take(source, 4);
    expect(samples.map(({ observedAt }) => observedAt)).toEqual([0, 35, 70, 105]);
    expect(source.report().bad).toEqual({ 'tick-skipped': 7 });
  });
});

describe('the system sensor', () => {
  it('reads temperature, load, memory, disk and the use of the processor between two looks', async () => {
    await withFolder(async (root) => {
      await plant(root, {
        'sys/class/thermal/thermal_zone0/type': 'acpitz',
        'sys/class/thermal/thermal_zone0/temp': 20_000,
        'sys/class/thermal/thermal_zone1/type': 'cpu-thermal',
        'sys/class/thermal/thermal_zone1/temp': 51_540,
        'proc/stat': 'cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 2 3 4',
        'proc/loadavg': '0.52 0.58 0.59 1/467 12345',
        'proc/meminfo': 'MemTotal:        1000 kB\nMemFree:          100 kB\nMemAvailable:     250 kB',
      });
      const device = await openSystem({ root, disk: '/' });
      await plant(root, { 'proc/stat': 'cpu  130 0 130 840 0 0 0 0 0 0' });
      const values = await device.read();
      expect(values).toMatchObject({
        'cpu-temperature': 51.54,
        'load-1m': 0.52,
        'memory-available': 25,
        'cpu-use': 60,
      });
      expect(values['disk-free']).toBeGreaterThan(0);
      expect(await device.read()).toMatchObject({ 'cpu-use': null });
      await rm(join(root, 'sys'), { recursive: true });
      expect(Object.keys((await openSystem({ root, disk: '/' })).units)).not.toContain('cpu-temperature');
    });
  });

  it('takes nonsense for nothing', () => {
    expect(parseCpuTimes('intr 1 2 3')).toBeNull();
    expect(cpuUse({ idle: 5, total: 10 }, { idle: 5, total: 10 })).toBeNull();
    expect(memoryAvailable('MemFree: 3 kB')).toBeNull();
  });

  it('works on the machine that runs this test', async () => {
    const [sample] = await take(
      polled(() => openSystem({ root: '/', disk: '/' }), 20),
      1,
    );
    expect(sample?.values['memory-available']).toBeGreaterThan(0);
    expect(sample?.values['load-1m']).toBeGreaterThanOrEqual(0);
  });
});
