/** onnxruntime by itself, in a process of its own, as our engine sets it up: what one run costs when nothing is around it. */
import { serveOrders } from '../load/child.ts';

const { InferenceSession, Tensor } = await import('onnxruntime-node');

export interface RawOrder {
  readonly modelPath: string;
  readonly features: readonly number[];
  readonly runs: number;
}

const sessions = new Map<string, Awaited<ReturnType<typeof InferenceSession.create>>>();
const LONE_THREAD = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
} as const;

/** Median milliseconds of one run of one row. */
serveOrders<RawOrder>(async ({ modelPath, features, runs }) => {
  const session = sessions.get(modelPath) ?? (await InferenceSession.create(modelPath, LONE_THREAD));
  sessions.set(modelPath, session);
  const row = Float32Array.from(features);
  const spent: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const startedAt = performance.now();
    await session.run({ x: new Tensor('float32', row.slice(), [1, row.length]) });
    spent.push(performance.now() - startedAt);
  }
  return spent.toSorted((one, other) => one - other)[runs >> 1] ?? Number.NaN;
});
