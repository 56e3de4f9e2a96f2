/** Metrics whose labels are looked up once show what prom-client's own show. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PrometheusMetrics } from '../../../src/adapters/embedded/prometheus-metrics.ts';

const samplesOf = async (metrics: PrometheusMetrics, name: string): Promise<string[]> => {
  return (await metrics.expose()).split('\n').filter((line) => line.startsWith(`shoal_${name}`));
};

const LABELS = { model: 'm', version: '1.0.0' };

test('a bound histogram has the samples of an unbound one', async () => {
  const value = fc.oneof(fc.double({ min: 0, max: 20, noNaN: true }), fc.constantFrom(0.005, 0.01, 10));
  await fc.assert(
    fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 30 }), async (values) => {
      const [bound, unbound] = [new PrometheusMetrics(), new PrometheusMetrics()];
      const histogram = bound.histogram('some_seconds', LABELS);
      for (const each of values) {
        histogram.observe(each);
        unbound.observe('some_seconds', each, LABELS);
      }
      expect(await samplesOf(bound, 'some_seconds')).toEqual(await samplesOf(unbound, 'some_seconds'));
    }),
    { numRuns: 50 },
  );
});

test('one with nothing in it shows nothing, and the same labels in any order are the same', async () => {
  const metrics = new PrometheusMetrics();
  metrics.histogram('some_seconds', { model: 'empty', version: '1' });
  metrics.histogram('some_seconds', LABELS).observe(1);
  metrics.histogram('some_seconds', { version: '1.0.0', model: 'm' }).observe(2);
  const samples = await samplesOf(metrics, 'some_seconds');
  expect(samples.filter((line) => line.includes('empty'))).toEqual([]);
  expect(samples).toContain('shoal_some_seconds_count{model="m",version="1.0.0"} 2');
});

test('a bound counter adds to the unbound one of its name, once', async () => {
  const metrics = new PrometheusMetrics();
  const counter = metrics.counter('some_total', LABELS);
  expect(metrics.counter('some_total', LABELS)).toBe(counter);
  expect(await samplesOf(metrics, 'some_total')).toEqual([]);
  counter.add(2);
  metrics.count('some_total', 3, LABELS);
  const expected = ['shoal_some_total{model="m",version="1.0.0"} 5'];
  expect(await samplesOf(metrics, 'some_total')).toEqual(expected);
  expect(await samplesOf(metrics, 'some_total')).toEqual(expected);
});
