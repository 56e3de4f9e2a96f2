import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { agentAt, HandSensor, sample } from '../fixtures/agent-fixture.ts';
import { eventually, withFolder } from '../fixtures/conditions.ts';
import { catalogueFolder } from './local-api-fixture.ts';

jest.setTimeout(120_000);

const send = async (url: string, body?: object): Promise<{ status: number; code: string | null; json: unknown }> => {
  const response = await fetch(url, { method: 'POST', ...(body && { body: JSON.stringify(body) }) });
  return { status: response.status, code: response.headers.get('shoal-error-code'), json: await response.json() };
};

interface Metadata {
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

describe('an agent with its engines', () => {
  it('loads a model on request, answers by it, shows it, and unloads it', async () => {
    await withFolder(async (folder) => {
      await cp(await catalogueFolder('pump-anomaly'), join(folder, 'shelf/pump-anomaly'), { recursive: true });
      const over = { localApi: { port: 0, modelFolder: join(folder, 'shelf') } };
      const hand = new HandSensor();
      const agent = agentAt({
        folder: join(folder, 'data'),
        port: 9,
        over: { ...over, stopDrainMs: 0 },
        sensors: [hand],
      });
      await agent.start();
      try {
        const url = agent.localUrl() ?? '';
        const index = async (): Promise<unknown> => (await send(`${url}/v2/repository/index`)).json;
        expect(await index()).toEqual([{ name: 'pump-anomaly', state: 'UNAVAILABLE', reason: 'unloaded' }]);
        await eventually(async () => (await send(`${url}/v2/repository/models/pump-anomaly/load`)).status === 200);
        expect(await index()).toMatchObject([{ name: 'pump-anomaly', state: 'READY' }]);

        const model = `${url}/v2/models/pump-anomaly`;
        const { inputs } = (await (await fetch(model)).json()) as Metadata;
        const shape = inputs[0]?.shape.map((size) => (size === -1 ? 1 : size)) ?? [];
        const width = shape.reduce((product, size) => product * size, 1);
        const row = Array.from({ length: width }, () => 0);
        const request = { inputs: [{ name: inputs[0]?.name, datatype: 'FP32', shape, data: row }] };
        const answer = await send(`${model}/infer`, request);
        expect(answer).toMatchObject({
          status: 200,
          json: { model_name: 'pump-anomaly', parameters: { source: 'edge' } },
        });
        expect(await send(`${url}/predict`, { features: [row, row] })).toMatchObject({
          status: 200,
          json: { model: 'pump-anomaly' },
        });
        expect(await (await fetch(`${url}/models`)).json()).toMatchObject({
          served: [{ name: 'pump-anomaly', inferences: 2 }],
        });
        expect((await fetch(`${url}/v2/health/ready`)).status).toBe(200);

        expect((await send(`${url}/v2/repository/models/pump-anomaly/unload`)).status).toBe(200);
        expect(await send(`${model}/infer`, request)).toMatchObject({ status: 404, code: 'MODEL_NOT_FOUND' });
        expect(await send(`${url}/v2/repository/models/pump-anomaly/unload`)).toMatchObject({ status: 404 });
        for (const name of ['..', 'Nobody', 'nobody'])
          expect(
            (await send(`${url}/v2/repository/models/${encodeURIComponent(name)}/load`)).status,
          ).toBeGreaterThanOrEqual(400);

        const feed = await fetch(`${url}/readings`);
        hand.give(sample(1));
        const reader = feed.body?.pipeThrough(new TextDecoderStream()).getReader();
        let text = '';
        await eventually(async () => {
          text += (await reader?.read())?.value ?? '';
          return text.includes('"values":{"x":1}');
        });
        await reader?.cancel();
      } finally {
        await agent.stop();
      }
    });
  });

  it('serves the models of its configuration, which no request can change', async () => {
    await withFolder(async (folder) => {
      const over = { localApi: { port: 0, modelFolder: folder }, models: [{ bundle: 'pump-anomaly' }], stopDrainMs: 0 };
      const agent = agentAt({ folder: join(folder, 'data'), port: 9, over });
      await agent.start();
      try {
        const url = agent.localUrl() ?? '';
        await eventually(async () => (await fetch(`${url}/v2/models/pump-anomaly/ready`)).status === 200);
        for (const change of ['load', 'unload'])
          expect(await send(`${url}/v2/repository/models/pump-anomaly/${change}`)).toMatchObject({
            status: 400,
            code: 'REQUEST_INVALID',
          });
      } finally {
        await agent.stop();
      }
    });
  });
});
