import { describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '../../src/runtime.ts';
import { ReasonBoard } from '../../src/health/reason-board.ts';
import { SensorFeed } from '../../src/sensors/sensor-feed.ts';
import type { Sample } from '../../src/sensors/sensor-source.port.ts';
import { SerialSource, type SerialOptions } from '../../src/sensors/serial.ts';
import { codeOf, EventList, eventually, withFolder } from '../fixtures/conditions.ts';
import { hasSocat, plugPty } from '../fixtures/pty.ts';
import { take } from '../fixtures/take.ts';

const serial = (path: string, over: Partial<SerialOptions> = {}): SerialSource =>
  new SerialSource({
    name: 'line',
    path,
    baudRate: 115_200,
    dataBits: 8,
    stopBits: 1,
    parity: 'none',
    flowControl: 'none',
    format: { kind: 'key-value' },
    maxLineBytes: 100,
    clock: systemClock,
    ...over,
  });

describe('a serial sensor', () => {
  it('that is not plugged in fails by name', async () => {
    const reading = take(serial('/dev/tty-that-nobody-has'), 1);
    expect(await codeOf(reading)).toBe('SENSOR_SERIAL_FAILED');
  });
});

(hasSocat ? describe : describe.skip)('a serial line (needs socat: scripts/system-packages.sh)', () => {
  it('is read from its first whole line on, and counts what it cannot use', async () => {
    await withFolder(async (folder) => {
      const pty = await plugPty(folder);
      const source = serial(pty.path);
      // The port is open when it has read the first of these; what it finds before the first line end is half a line.
      let told = 0;
      const talking = setInterval(() => void pty.write(`3.5 broken\nt=${(told += 1)} p=7\n`), 5).unref();
      const samples = await take(source, 5);
      clearInterval(talking);
      for (const { values } of samples) expect(values).toEqual({ t: expect.any(Number), p: 7 });
      expect(source.channels).toEqual(['t', 'p']);
      expect(source.report().bad['wrong-shape']).toBeGreaterThan(0);
      await pty.unplug();
    });
  }, 30_000);

  it('that is unplugged is told and read again when it is back', async () => {
    await withFolder(async (folder) => {
      const first = await plugPty(folder);
      const [events, delivered] = [new EventList(), [] as Sample[]];
      const feed = new SensorFeed({
        source: serial(first.path, { format: { kind: 'csv', columns: ['t'], delimiter: ',' } }),
        silenceMs: Infinity,
        retryPauseMs: () => 20,
        events,
        health: new ReasonBoard(systemClock),
        clock: systemClock,
        logger: silentLogger(),
        deliver: async (_source, sample) => void delivered.push(sample),
      });
      const ending = new AbortController();
      feed.start(ending.signal);
      const speak = async (pty: typeof first, until: () => boolean): Promise<void> => {
        await eventually(async () => {
          await pty.write('21.5\n');
          return until();
        });
      };
      await speak(first, () => delivered.length > 2);
      await first.unplug();
      await eventually(() => events.kinds().includes('sensor.stopped'));
      expect(events.events[0]?.message).toContain('is failed');
      const before = delivered.length;
      const second = await plugPty(folder);
      await speak(second, () => delivered.length > before);
      expect(events.kinds()).toContain('sensor.recovered');
      ending.abort();
      await feed.stop();
      await second.unplug();
    });
  }, 30_000);
});
