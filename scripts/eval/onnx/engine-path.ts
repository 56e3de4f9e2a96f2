/** Cases through an engine child of the models package, without agent or server. */
import { readBundle, type InferenceEngine, type ModelHandle } from '@shoal/models';
import { tensorsByName } from '@shoal/protocol';
import type { CasePath } from './case-path.ts';
import type { Closeness } from './compare.ts';

export const enginePath = (name: string, engine: InferenceEngine, closeness: Closeness | null): CasePath => {
  /** The one before stays until the next is there: an engine without models ends its process. */
  let before: ModelHandle | undefined;
  return {
    name,
    closeness,
    start: async () => undefined,
    run: async ({ folder, test }) => {
      const handle = await engine.load(await readBundle(folder, { signaturePolicy: 'allow-unsigned' }));
      await before?.close();
      before = handle;
      return (await handle.infer(tensorsByName(test.inputs))).outputs;
    },
    stop: () => engine.close(),
  };
};
