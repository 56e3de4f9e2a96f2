import { describe, expect, it } from '@jest/globals';
import { ReasonBoard } from '../../src/health/reason-board.ts';
import { openLocalBroker } from '../../src/local-broker/local-broker.ts';
import { silentLogger, systemClock } from '../../src/runtime.ts';
import { MqttTopicSource, type MqttTopicOptions } from '../../src/sensors/mqtt-topic.ts';
import { SensorFeed } from '../../src/sensors/sensor-feed.ts';
import type { Sample } from '../../src/sensors/sensor-source.port.ts';
import { withBroker, type BrokerFixture } from '../fixtures/broker-fixture.ts';
import { codeOf, EventList, eventually } from '../fixtures/conditions.ts';
import { take } from '../fixtures/take.ts';

const topicSource = (port: number, over: Partial<MqttTopicOptions> = {}): MqttTopicSource =>
  new MqttTopicSource({
    name: 'shelf',
    broker: { host: '127.0.0.1', port, keepaliveSeconds: 30, connectTimeoutMs: 2_000 },
    topic: 'house/+/climate',
    qos: 1,
    channel: undefined,
    maxPayloadBytes: 100,
    openBroker: openLocalBroker,
    clock: systemClock,
    ...over,
  });

/** Speaks until somebody has heard. */
const speaking = (broker: BrokerFixture, ...messages: readonly (readonly [string, string])[]): NodeJS.Timeout =>
  setInterval(() => {
    for (const [topic, payload] of messages) broker.publish(topic, payload);
  }, 5).unref();

describe('a topic of a local broker as a sensor', () => {
  it('takes JSON objects, leaves out what it cannot use and what was kept from before, and counts it', async () => {
    await withBroker(async (broker) => {
      broker.publish('house/hall/climate', '{"t": -99}', true);
      const source = topicSource(broker.port);
      const timer = speaking(
        broker,
        ['house/hall/climate', 'no json'],
        ['house/hall/climate', `{"t": ${'1'.repeat(100)}}`],
        ['house/hall/other', '{"t": 1}'],
        ['house/hall/climate', '{"observedAt": 1700000000000, "t": 20.5, "h": null}'],
      );
      const samples = await take(source, 3);
      clearInterval(timer);
      const expected = { observedAt: 1_700_000_000_000, values: { t: 20.5, h: null }, marks: { h: 'missing' } };
      expect(samples).toEqual([expected, expected, expected]);
      const { bad } = source.report();
      expect(bad).toMatchObject({ retained: 1 });
      expect(bad['not-json']).toBeGreaterThan(0);
      expect(bad['payload-too-long']).toBeGreaterThan(0);
      await eventually(() => broker.clients === 0);
    });
  }, 30_000);

  it('takes plain numbers under the name of a channel', async () => {
    await withBroker(async (broker) => {
      const source = topicSource(broker.port, { topic: 'level', channel: 'cm', qos: 0 });
      const timer = speaking(broker, ['level', 'full'], ['level', ' 12.5 '], ['level', 'NaN']);
      const samples = await take(source, 4);
      clearInterval(timer);
      const told = samples.map(({ values }) => values['cm']);
      expect(new Set(told)).toEqual(new Set([12.5, null]));
      expect(source.report().bad['not-a-number']).toBeGreaterThan(0);
    });
  }, 30_000);

  it('fails by name without a broker', async () => {
    expect(await codeOf(take(topicSource(1), 1))).toBe('LOCAL_BROKER_FAILED');
  });

  it('comes back with its broker', async () => {
    await withBroker(async (broker) => {
      const [events, delivered] = [new EventList(), [] as Sample[]];
      const feed = new SensorFeed({
        source: topicSource(broker.port),
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
      const heard = async (): Promise<void> => {
        const before = delivered.length;
        const timer = speaking(broker, ['house/hall/climate', '{"t": 1}']);
        await eventually(() => delivered.length > before);
        clearInterval(timer);
      };
      await heard();
      await broker.stop();
      await eventually(() => events.kinds().includes('sensor.stopped'));
      await broker.start();
      await heard();
      expect(events.kinds()).toContain('sensor.recovered');
      ending.abort();
      await feed.stop();
    });
  }, 30_000);
});
