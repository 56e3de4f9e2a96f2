/** The published protocol over HTTP, asked of a device. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { writeBundle } from '@shoal/models';
import { identityContent } from '../../../models/test/test-bundles.ts';
import { CONTRACT_MODELS, restContract } from '../../../models/test/open-inference/rest.contract.ts';
import { agentAt } from '../fixtures/agent-fixture.ts';

jest.setTimeout(120_000);

restContract(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-contract-'));
  const shelf = join(folder, 'shelf');
  await mkdir(shelf);
  for (const { name, datatype, shape } of CONTRACT_MODELS)
    await writeBundle(join(shelf, name), identityContent(name, datatype, shape));
  const over = { localApi: { port: 0, modelFolder: shelf }, stopDrainMs: 0 };
  const agent = agentAt({ folder: join(folder, 'data'), port: 9, over });
  await agent.start();
  const remove = async (): Promise<void> => {
    await agent.stop();
    await rm(folder, { recursive: true });
  };
  return { url: agent.localUrl() ?? '', remove };
});
