/** The published protocol over HTTP, asked of the whole server. */
import { jest } from '@jest/globals';
import { BundleShelf, identityContent } from '../../../models/test/test-bundles.ts';
import { CONTRACT_MODELS, restContract } from '../../../models/test/open-inference/rest.contract.ts';
import { startTestServer } from '../running-server.ts';

jest.setTimeout(120_000);

restContract(async () => {
  const shelf = new BundleShelf();
  const folders = await Promise.all(
    CONTRACT_MODELS.map(async ({ name, datatype, shape }) => {
      const { folder } = await shelf.write(identityContent(name, datatype, shape));
      return folder;
    }),
  );
  const server = await startTestServer({
    SHOAL_INFERENCE_CATALOGUE: 'leave',
    SHOAL_INFERENCE_BUNDLE_FOLDERS: folders.join(','),
  });
  const remove = async (): Promise<void> => {
    await server.stopAndRemove();
    await shelf.dispose();
  };
  return { url: server.httpUrl, remove };
});
