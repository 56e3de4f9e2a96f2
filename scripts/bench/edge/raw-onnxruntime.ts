/** What onnxruntime takes by itself: one session, one row, one call after the other, nothing around it. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from '../load/built-server.ts';
import { quantile } from '../harness.ts';
import { serveOrders } from '../load/child.ts';

export interface RawOrder {
  readonly model: string;
  /** Of the one input. */
  readonly input: string;
  readonly width: number;
  readonly calls: number;
}

interface Session {
  run(feeds: object): Promise<object>;
}
interface Runtime {
  readonly InferenceSession: { create(path: string, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: Float32Array, shape: readonly number[]) => object;
}

const WARM_UP_CALLS = 200;

/** The engine's own settings. */
const OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

serveOrders<RawOrder>(async ({ model, input, width, calls }) => {
  const runtime = createRequire(join(ROOT, 'models', 'package.json'))('onnxruntime-node') as Runtime;
  const session = await runtime.InferenceSession.create(model, OPTIONS);
  const values = Float32Array.from({ length: width }, (_, index) => index / width);
  const elapsed: number[] = [];
  for (let call = 0; call < WARM_UP_CALLS + calls; call += 1) {
    const startedAt = performance.now();
    await session.run({ [input]: new runtime.Tensor('float32', values, [1, width]) });
    if (call >= WARM_UP_CALLS) elapsed.push(performance.now() - startedAt);
  }
  return { p50: quantile(elapsed, 0.5), p99: quantile(elapsed, 0.99) };
});
