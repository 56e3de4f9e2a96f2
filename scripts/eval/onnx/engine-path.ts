/** Cases through an engine child of the models package, without agent or server. */
import { readBundle, type InferenceEngine, type ModelHandle } from '@shoal/models';
import { tensorsByName } from '@shoal/protocol';
import type { CasePath } from './case-path.ts';
import type { Closeness } from './compare.ts';

export const enginePath = (name: string, engine: InferenceEngine, closeness: Closeness | null): CasePath => {
  /** On trial, as all that is new is: the process that one leaves is the next one's, where a trusted model would get its own. */
  let before: ModelHandle | undefined;
  return {
    name,
    closeness,
    start: async () => undefined,
    run: async ({ folder, test }) => {
      const bundle = await readBundle(folder, { signaturePolicy: 'allow-unsigned' });
      const handle = await engine.load(bundle, { onTrial: true });
      await before?.close();
      before = handle;
      return (await handle.infer(tensorsByName(test.inputs))).outputs;
    },
    stop: () => engine.close(),
  };
};
