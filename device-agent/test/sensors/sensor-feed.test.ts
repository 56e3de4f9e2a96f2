import { describe, expect, it } from '@jest/globals';
import { AgentError } from '../../src/errors.ts';
import { ReasonBoard } from '../../src/health/reason-board.ts';
import { silentLogger, systemClock } from '../../src/runtime.ts';
import { SensorFeed } from '../../src/sensors/sensor-feed.ts';
import type { Sample, SensorSource } from '../../src/sensors/sensor-source.port.ts';
import { HandSensor, sample } from '../fixtures/agent-fixture.ts';
import { EventList, eventually } from '../fixtures/conditions.ts';

const feedOf = (source: SensorSource, silenceMs = Infinity) => {
  const events = new EventList();
  const health = new ReasonBoard(systemClock);
  const delivered: Sample[] = [];
  const ending = new AbortController();
  const feed = new SensorFeed({
    source,
    silenceMs,
    retryPauseMs: () => 1,
    events,
    health,
    clock: systemClock,
    logger: silentLogger(),
    deliver: async (_source, given) => void delivered.push(given),
  });
  const { ended } = feed.start(ending.signal);
  const stop = async (): Promise<void> => {
    ending.abort();
    await feed.stop();
  };
  return { feed, events, health, delivered, ended, stop };
};

/** Fails as often as told, then gives one sample and ends. */
const failing = (
  times: number,
  code: 'SENSOR_STREAM_FAILED' | 'SENSOR_NO_TIME_COLUMN',
): SensorSource & { starts: number } => ({
  name: 'pump',
  channels: [],
  canWait: true,
  starts: 0,
  report: () => ({ rowsRead: 0, bad: { 'not-json': 2 }, timeShiftMs: null }),
  async *samples() {
    this.starts += 1;
    if (this.starts <= times) throw new AgentError(code, 'it broke');
    yield sample(1);
  },
});

describe('a sensor feed', () => {
  it('says that a source fell silent, and that it speaks again', async () => {
    const sensor = new HandSensor();
    const { events, health, delivered, stop } = feedOf(sensor, 30);
    sensor.give(sample(1));
    await eventually(() => events.kinds().includes('sensor.stopped'));
    expect(health.reasons()).toMatchObject([{ code: 'SENSOR_STOPPED' }]);
    sensor.give(sample(2));
    await eventually(() => events.kinds().includes('sensor.recovered'));
    expect(delivered).toHaveLength(2);
    await stop();
  });

  it('opens a source that failed again until it works, with one event for the failure and one for the recovery', async () => {
    const source = failing(3, 'SENSOR_STREAM_FAILED');
    const { events, health, delivered, ended, feed } = feedOf(source);
    await ended;
    expect(source.starts).toBe(4);
    expect(delivered).toHaveLength(1);
    expect(events.kinds()).toEqual(['sensor.stopped', 'sensor.recovered', 'sensor.bad-rows', 'sensor.stopped']);
    expect(health.reasons()).toEqual([]);
    expect(feed.status().state).toBe('ended');
  });

  it('gives a source up whose fault no repetition mends, and says so', async () => {
    const source = failing(99, 'SENSOR_NO_TIME_COLUMN');
    const { events, health, ended } = feedOf(source);
    await ended;
    expect(source.starts).toBe(1);
    expect(events.kinds()).toEqual(['sensor.stopped']);
    expect(health.reasons()).toHaveLength(1);
  });

  it('counts and names what could not be used', async () => {
    const { events, ended } = feedOf(failing(0, 'SENSOR_STREAM_FAILED'));
    await ended;
    expect(events.events.find(({ kind }) => kind === 'sensor.bad-rows')?.facts).toEqual({
      sensor: 'pump',
      code: 'SENSOR_ROWS_INVALID',
      'not-json': 2,
    });
  });

  it('throws samples away while it is disabled', async () => {
    const sensor = new HandSensor();
    const { feed, delivered, stop } = feedOf(sensor);
    feed.setEnabled(false);
    sensor.give(sample(1));
    await eventually(() => sensor.report().rowsRead === 1);
    feed.setEnabled(true);
    sensor.give(sample(2));
    await eventually(() => delivered.length === 1);
    expect(delivered).toEqual([sample(2)]);
    await stop();
  });
});
