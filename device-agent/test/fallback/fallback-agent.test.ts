import { describe, expect, it } from '@jest/globals';
import {
  decodeInferFrame,
  decodeInferRequest,
  encodeInferFrame,
  encodeInferResponse,
  topics,
  type InferRequest,
  type Prediction,
} from '@shoal/protocol';
import { readCatalogBundle, vectorHash } from '@shoal/models';
import type { AgentConfigInput } from '../../src/agent.ts';
import { BREAKER_RULES } from '../../src/fallback/circuit-breaker.ts';
import { HandSensor, withAgent } from '../fixtures/agent-fixture.ts';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { withFleet, type FleetFixture } from '../fixtures/fleet-fixture.ts';

const T0 = Date.UTC(2026, 2, 9, 10, 0, 0);
const CALIBRATION = 100;
const VECTORS = 24;

/** A pump as its healthy sisters are; `flow` in l/min. */
const sample = (index: number, flow = 32) => ({
  observedAt: T0 + index * 1_000,
  values: {
    Accelerometer1RMS: 0.027,
    Accelerometer2RMS: 0.04,
    Current: 0.992,
    Pressure: 0.0547,
    Temperature: 69.4,
    Thermocouple: 26.4,
    Voltage: 231.5,
    'Volume Flow RateRMS': flow,
  },
});

const samples = (from: number, to: number, flow?: number) =>
  Array.from({ length: to - from }, (_, i) => sample(from + i, flow));

const MODEL = { bundle: 'pump-anomaly', version: '1.1.0', calibrationSamples: CALIBRATION };
const escalating = (policy: NonNullable<AgentConfigInput['fallback']>['policy'], budgetMs = 2_000) => ({
  models: [MODEL],
  fallback: { siblings: { 'pump-anomaly': { model: 'pump-anomaly-full', vectors: VECTORS } }, policy, budgetMs },
});

/** Answers questions of the device with a score, at once; what is asked is kept. */
const answering = (fleet: FleetFixture, score: () => number | undefined): InferRequest[] => {
  const asked: InferRequest[] = [];
  fleet.onInfer = (deviceId, payload) => {
    const { body, headerLength } = decodeInferFrame(payload);
    const request = decodeInferRequest(body, headerLength);
    asked.push(request);
    const value = score();
    if (value === undefined) return;
    const response = {
      model_name: 'pump-anomaly-full',
      model_version: '1.0.0',
      id: request.id ?? '',
      parameters: { shed: 0 },
      outputs: [{ name: 'score', datatype: 'FP32' as const, shape: [1], data: Float32Array.of(value) }],
    };
    const frame = encodeInferFrame(encodeInferResponse(response, () => ({ binary: false, nonFinite: 'refuse' })));
    fleet.sendBytes(topics.reply(deviceId, request.id ?? ''), Buffer.from(frame));
  };
  return asked;
};

const sum = (counts: Record<string, number> = {}): number => Object.values(counts).reduce((a, b) => a + b, 0);

const predictions = (fleet: FleetFixture): Prediction[] =>
  (fleet.distinct('predictions') as unknown as Prediction[]).sort((a, b) => a.observedAt - b.observedAt);

const fallbackOf = (agent: { status(): { models: readonly { fallback: unknown }[] } }) =>
  agent.status().models[0]?.fallback as {
    answers: Record<string, number>;
    asked: Record<string, number>;
    notAsked: Record<string, number>;
    overBudget: number;
    breaker: { state: string; opened: number };
    hardExamples: { kept: number };
  } | null;

describe('the fallback of an agent', () => {
  it('asks the fleet with its last vectors, and says where the answer came from and why it asked', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const asked = answering(fleet, () => 3);
        const sensor = new HandSensor();
        const place = { folder, port: fleet.port, over: escalating({ auditShare: 1 }), sensors: [sensor] };
        await withAgent(place, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          await eventually(() => agent.status().models[0]?.status === 'ready');
          sensor.give(...samples(0, CALIBRATION + 60));
          await eventually(() => asked.length >= 3);
          await eventually(() => predictions(fleet).some(({ source }) => source === 'cloud'));
        });
        const { manifest } = await readCatalogBundle('pump-anomaly', '1.1.0');
        expect(asked[0]).toMatchObject({
          model_name: 'pump-anomaly-full',
          parameters: { fallback: true, vector_hash: vectorHash(manifest) },
          inputs: [{ name: 'features', datatype: 'FP32', shape: [1, VECTORS * 11] }],
        });
        const cloud = predictions(fleet).filter(({ source }) => source === 'cloud');
        expect(cloud[0]).toMatchObject({
          model: { name: 'pump-anomaly-full', version: '1.0.0' },
          label: 'anomaly',
          outputs: { score: 3 },
          escalation: 'audit',
        });
        const early = predictions(fleet).filter(({ window }) => window.endAt <= T0 + CALIBRATION * 1_000);
        expect(early.length).toBeGreaterThan(0);
        expect(early.every(({ source }) => source === 'edge')).toBe(true);
      }),
    );
  });

  it('answers within its budget with its own answer when nobody replies, and the breaker opens', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const asked = answering(fleet, () => undefined);
        const sensor = new HandSensor();
        const startedAt = performance.now();
        // Long enough for its own answers to hundreds of windows that come at once, on a slow machine too.
        const over = escalating({ auditShare: 1 }, 5_000);
        await withAgent({ folder, port: fleet.port, over, sensors: [sensor] }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          await eventually(() => agent.status().models[0]?.status === 'ready');
          sensor.give(...samples(0, CALIBRATION + 300));
          const opened = (): number => fallbackOf(agent)?.breaker.opened ?? 0;
          await eventually(() => opened() > 0);
          await eventually(() => agent.status().models[0]?.inference.queued === 0);
          const before = { asked: sum(fallbackOf(agent)?.asked), opened: opened() };
          sensor.give(...samples(CALIBRATION + 300, CALIBRATION + 330));
          await eventually(() => (fallbackOf(agent)?.notAsked['the breaker is open'] ?? 0) >= 2);
          await eventually(() => agent.status().models[0]?.inference.queued === 0);
          // None but the probe after a rest, when the machine is so slow that one has passed: each opens the breaker again.
          expect(sum(fallbackOf(agent)?.asked) - before.asked).toBe(opened() - before.opened);
          expect(fallbackOf(agent)?.answers).not.toHaveProperty('abstained');
          expect(agent.status().models[0]?.inference).toMatchObject({ failed: {}, dropped: 0 });
        });
        // What the breaker let through: those before it opened, and one after each rest; every other window was answered without asking.
        const rests = (performance.now() - startedAt) / BREAKER_RULES.restMs;
        expect(asked.length).toBeLessThan(10 + rests);
      }),
    );
  });

  it('takes thresholds of the fleet at once, and off again', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const asked = answering(fleet, () => 0.5);
        const sensor = new HandSensor();
        const over = escalating({ auditShare: null, nearThreshold: null });
        await withAgent({ folder, port: fleet.port, over, sensors: [sensor] }, async (agent) => {
          const desire = async (version: number, fallback: object): Promise<void> => {
            fleet.send(topics.desiredTwin('pump-07'), {
              v: 1,
              version,
              desired: { models: { 'pump-anomaly': { fallback } } },
            });
            await eventually(() => agent.status().twin.appliedVersion === version);
          };
          await eventually(() => agent.status().uplink.state === 'connected');
          await eventually(() => agent.status().models[0]?.status === 'ready');
          sensor.give(...samples(0, CALIBRATION + 60));
          await eventually(() => agent.status().models[0]?.calibration?.state === 'calibrated');
          expect(asked).toEqual([]);
          await desire(1, { policy: { nearThreshold: 10 } });
          sensor.give(...samples(CALIBRATION + 60, CALIBRATION + 120));
          await eventually(() => (fallbackOf(agent)?.asked['near-threshold'] ?? 0) > 0);
          await desire(2, { enabled: false });
          expect(fallbackOf(agent)).toBeNull();
        });
      }),
    );
  });

  it('keeps what the fleet judges otherwise as a hard example', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        answering(fleet, () => 9);
        const sensor = new HandSensor();
        const over = { ...escalating({ auditShare: 1 }), localApi: { port: 0 } };
        await withAgent({ folder, port: fleet.port, over, sensors: [sensor] }, async (agent) => {
          await eventually(() => agent.status().uplink.state === 'connected');
          await eventually(() => agent.status().models[0]?.status === 'ready');
          sensor.give(...samples(0, CALIBRATION + 100));
          await eventually(() => (fallbackOf(agent)?.hardExamples.kept ?? 0) > 0);
          expect(fallbackOf(agent)?.answers['cloud']).toBeGreaterThan(0);
          const listed = await fetch(`${agent.localUrl() ?? ''}/hard-examples?model=pump-anomaly`);
          expect(await listed.json()).toMatchObject({
            items: expect.arrayContaining([
              expect.objectContaining({ kind: 'disagreement', remote: { outputs: { score: 9 }, label: 'anomaly' } }),
            ]),
          });
        });
      }),
    );
  });
});

describe('a device without fallback', () => {
  it('asks nobody and reports none', async () => {
    await withFolder((folder) =>
      withFleet(async (fleet) => {
        const asked = answering(fleet, () => 9);
        const sensor = new HandSensor();
        await withAgent({ folder, port: fleet.port, over: { models: [MODEL] }, sensors: [sensor] }, async (agent) => {
          sensor.give(...samples(0, CALIBRATION + 60));
          await eventually(() => predictions(fleet).length > 5);
          expect(agent.status().models[0]?.fallback).toBeNull();
        });
        expect(asked).toEqual([]);
      }),
    );
  });
});
