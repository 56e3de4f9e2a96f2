/** Advice end to end: by the need alone, and by what devices reported. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { topics, type Advice, type Problem } from '@shoal/protocol';
import { call } from '../call.ts';
import { startTestServer, until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';

describe('advice', () => {
  let server: TestServer;
  let device: TestDevice;
  beforeAll(async () => {
    server = await startTestServer();
    device = await TestDevice.online(server.mqttPort, 'timed');
  });
  afterAll(async () => {
    device.client.end(true);
    await server.stopAndRemove();
  });
  const advise = async (query: string): Promise<Advice> =>
    (await call<Advice>('GET', `${server.httpUrl}/api/advise?${query}`)).body;

  it('follows the tree before anything was measured, with something to paste', async () => {
    const advice = await advise('latencyMs=20&offline=true');
    expect(advice).toMatchObject({ pattern: 'edge', measured: { inference: [], link: [] } });
    expect(advice.deployment.served).toBe(true);
    expect(advice.deployment.commands.join('\n')).toContain('shoal-agent run');
  });

  it('names what is wrong with a need', async () => {
    const { status, body } = await call<Problem>('GET', `${server.httpUrl}/api/advise?latencyMs=soon&colour=red`);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toMatch(/latencyMs/);
    expect(JSON.stringify(body)).toMatch(/colour/);
  });

  it('weighs what devices measured of their models and of their link', async () => {
    const at = Date.now();
    const predictions = Array.from({ length: 20 }, (_, index) => ({
      sequence: index + 1,
      observedAt: at,
      model: { name: 'slow-model', version: '1.0.0' },
      window: { startAt: at - 1_000, endAt: at, count: 1 },
      outputs: { score: 1 },
      source: 'edge' as const,
      latencyMs: 400,
    }));
    await device.records('predictions', predictions);
    const reported = { clock: { state: 'synchronised', offsetMs: 0, roundTripMs: 35 } };
    await device.say(topics.reportedTwin('timed'), { v: 1, appliedVersion: 0, mode: 'whole', reported });
    await until(async () => (await advise('model=slow-model')).measured.link.length === 1);
    const { measured, patterns } = await advise('latencyMs=100&model=slow-model');
    expect(measured.inference).toMatchObject([{ model: 'slow-model', ranAt: 'edge', latencyMs: { samples: 20 } }]);
    expect(patterns.find(({ pattern }) => pattern === 'edge')?.fits).toBe(false);
    expect(patterns.find(({ pattern }) => pattern === 'real-time')?.expectedP95Ms).toBeCloseTo(35, 0);
    expect((await advise('latencyMs=100&model=other')).measured.inference).toEqual([]);
  });
});
