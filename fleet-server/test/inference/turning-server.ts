/** A server with one model that takes as long as its input says, to be in the way of others. */
import { BundleShelf, contentOf } from '../../../models/test/test-bundles.ts';
import { TURNING } from '../../../models/test/hostile-models.ts';
import { call } from '../call.ts';
import { startTestServer, type TestServer } from '../running-server.ts';

/** Turns long enough to leave while it runs; the process ends with the server. */
export const LONG = 50_000_000;

/** The model is `turning`, loaded; no deadline cuts it short. `remove` ends it all. */
export const startTurningServer = async (
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly server: TestServer; readonly remove: () => Promise<void> }> => {
  const shelf = new BundleShelf();
  const golden = [
    [1, 2],
    [3, 6],
  ] as const;
  const content = contentOf({ model: TURNING, golden, manifest: { name: 'turning' } });
  const { folder } = await shelf.write(content);
  const server = await startTestServer({
    SHOAL_INFERENCE_CATALOGUE: 'leave',
    SHOAL_INFERENCE_BUNDLE_FOLDERS: folder,
    SHOAL_INFERENCE_DEADLINE_MS: '100000',
    ...environment,
  });
  await call('POST', `${server.httpUrl}/v2/repository/models/turning/load`, {});
  const remove = async (): Promise<void> => {
    await server.stopAndRemove();
    await shelf.dispose();
  };
  return { server, remove };
};
