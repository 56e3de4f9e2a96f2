/** Who leaves, or cannot wait: over HTTP, gRPC and MQTT the request that waits is withdrawn, and counted. */
import { Agent, request as httpRequest, type ClientRequest } from 'node:http';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { encodeInferFrame, encodeInferRequest, topics, type InferRequest } from '@shoal/protocol';
import { call } from '../call.ts';
import { until, type TestServer } from '../running-server.ts';
import { TestDevice } from '../test-device.ts';
import { grpcClient, type GrpcClient } from './grpc-client.ts';
import { LONG, startTurningServer } from './turning-server.ts';

jest.setTimeout(120_000);

let server: TestServer;
let remove: () => Promise<void>;
let device: TestDevice;
let client: GrpcClient;
const agent = new Agent();

beforeAll(async () => {
  ({ server, remove } = await startTurningServer({ SHOAL_INFERENCE_INSTANCES: '1' }));
  device = await TestDevice.online(server.mqttPort, 'pump-01');
  client = grpcClient(server.grpcAddress);
});
afterAll(async () => {
  agent.destroy();
  client.close();
  await device.stop();
  await remove();
});

const labels = '{model="turning",version="1.0.0"}';
const pending = (): Promise<number> => server.metric(`shoal_inference_pending_requests${labels}`);
const failures = async (): Promise<number> => {
  const reasons = ['CANCELED', 'REJECTED', 'OTHER'];
  const counts = await Promise.all(
    reasons.map((reason) =>
      server.metric(`shoal_inference_request_failure_total{model="turning",version="1.0.0",reason="${reason}"}`),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
};
const isPending = (count: number) => async (): Promise<boolean> => (await pending()) === count;

const tensor = { name: 'x', datatype: 'FP32' as const, shape: [1, 1] };
const infer = (turns: number): ClientRequest => {
  const asking = httpRequest(`${server.httpUrl}/v2/models/turning/infer`, { method: 'POST', agent });
  asking.on('error', () => undefined);
  asking.end(JSON.stringify({ inputs: [{ ...tensor, data: [turns] }] }));
  return asking;
};

/** With one request that runs for as long as it takes; how many failed meanwhile, when only that one is left. */
const failedBehindALongRun = async (leave: () => Promise<void>): Promise<number> => {
  const before = await failures();
  const long = infer(LONG);
  await until(isPending(1));
  await leave();
  await until(isPending(1));
  const failed = (await failures()) - before;
  long.destroy();
  await until(isPending(0));
  return failed;
};

describe('a request that waits is withdrawn', () => {
  test('when its socket closes', async () => {
    const failed = await failedBehindALongRun(async () => {
      const leaving = infer(1);
      await until(isPending(2));
      leaving.destroy();
    });
    expect(failed).toBe(1);
  });

  test('when its gRPC call is cancelled', async () => {
    const failed = await failedBehindALongRun(async () => {
      const leaving = client.begin('ModelInfer', {
        model_name: 'turning',
        inputs: [{ ...tensor, contents: { fp32_contents: [1] } }],
      });
      leaving.answer.catch(() => undefined);
      await until(isPending(2));
      leaving.cancel();
      await expect(leaving.answer).rejects.toMatchObject({ code: status.CANCELLED });
    });
    expect(failed).toBe(1);
  });

  test('when the deadline of its gRPC call passes', async () => {
    const failed = await failedBehindALongRun(async () => {
      const late = client.call(
        'ModelInfer',
        { model_name: 'turning', inputs: [{ ...tensor, contents: { fp32_contents: [1] } }] },
        { deadline: Date.now() + 200 },
      );
      await expect(late).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    });
    expect(failed).toBe(1);
  });

  test('when its timeout passes, and is told so', async () => {
    const failed = await failedBehindALongRun(async () => {
      const asked = { parameters: { timeout: 200_000 }, inputs: [{ ...tensor, data: [1] }] };
      const answer = await call('POST', `${server.httpUrl}/v2/models/turning/infer`, asked);
      expect([answer.status, answer.headers.get('shoal-error-code')]).toEqual([
        504,
        expect.stringMatching(/^(ENGINE_TIMEOUT|DEADLINE_UNMEETABLE)$/),
      ]);
    });
    expect(failed).toBe(1);
  });

  test('when a device cancels it, and both are answered', async () => {
    const failed = await failedBehindALongRun(async () => {
      await publish({ model_name: 'turning', id: 'w-1', inputs: [{ ...tensor, data: Float32Array.of(1) }] });
      await until(isPending(2));
      const cancel = { v: 1, requestId: 'w-2', deadlineMs: 5_000, body: { cancels: 'w-1' } };
      await device.say(topics.request(device.deviceId, 'infer.cancel'), cancel);
      expect(await device.reply('w-2')).toMatchObject({ outcome: 'ok', body: { canceled: true } });
      expect(await device.reply('w-1')).toMatchObject({ outcome: 'failed', error: { code: 'INFERENCE_CANCELED' } });
    });
    expect(failed).toBe(1);
  });
});

const publish = async (asked: InferRequest): Promise<void> => {
  const frame = encodeInferFrame(encodeInferRequest(asked, () => ({ binary: true, nonFinite: 'string' })));
  await device.client.publishAsync(topics.request(device.deviceId, 'infer'), Buffer.from(frame), { qos: 1 });
};
