/**
 * What nobody can do without, and nothing else: reads the states of entities from the same file, runs onnxruntime in its own process,
 * writes scores to a file of its own; in big batches, or row by row with a commit each.
 */
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { ROOT } from '../load/built-server.ts';
import { serveOrders } from '../load/child.ts';
import { valueAt, WIDTH } from './scored-entities.ts';

export interface BareOrder {
  readonly featuresFile: string;
  readonly viewNo: number;
  readonly modelPath: string;
  readonly rowsAtOnce: number;
  readonly rows: number;
  readonly outFile: string;
}

export interface BareReport {
  readonly rows: number;
  readonly perSecond: number;
}

interface Session {
  run(feeds: object): Promise<{ readonly y: { readonly data: Float32Array } }>;
}
interface Runtime {
  readonly InferenceSession: { create(path: string, options: object): Promise<Session> };
  readonly Tensor: new (type: string, data: Float32Array, shape: readonly number[]) => object;
}
interface EntityRow {
  readonly entity: string;
  readonly state: Buffer;
}

/** As the engine of the server sets it up. */
const OPTIONS = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

const rowsOf = (states: readonly EntityRow[]): Float32Array => {
  const matrix = new Float32Array(states.length * WIDTH);
  for (const [row, { state }] of states.entries())
    for (let feature = 0; feature < WIDTH; feature += 1)
      matrix[row * WIDTH + feature] = state.readDoubleLE(valueAt(feature) * Float64Array.BYTES_PER_ELEMENT);
  return matrix;
};

serveOrders<BareOrder>(async ({ featuresFile, viewNo, modelPath, rowsAtOnce, rows, outFile }): Promise<BareReport> => {
  const { InferenceSession, Tensor } = createRequire(join(ROOT, 'models', 'package.json'))(
    'onnxruntime-node',
  ) as Runtime;
  const session = await InferenceSession.create(modelPath, OPTIONS);
  const features = new Database(featuresFile, { readonly: true });
  const next = features.prepare<[number, string, number], EntityRow>(
    'SELECT entity, state FROM entities WHERE view_no = ? AND entity > ? ORDER BY entity LIMIT ?',
  );
  const scores = new Database(outFile);
  scores.pragma('journal_mode = WAL');
  scores.pragma('synchronous = NORMAL');
  scores.exec(
    'CREATE TABLE scores (run_no INTEGER, entity TEXT, score REAL, PRIMARY KEY (run_no, entity)) WITHOUT ROWID',
  );
  const insert = scores.prepare('INSERT INTO scores VALUES (1, ?, ?)');
  const startedAt = performance.now();
  let [done, after] = [0, ''];
  while (done < rows) {
    const states = next.all(viewNo, after, Math.min(rowsAtOnce, rows - done));
    if (states.length === 0) break;
    after = states.at(-1)?.entity ?? after;
    const { y } = await session.run({ x: new Tensor('float32', rowsOf(states), [states.length, WIDTH]) });
    scores.transaction(() => {
      for (const [row, { entity }] of states.entries()) insert.run(entity, y.data[row]);
    })();
    done += states.length;
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  features.close();
  scores.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${outFile}${suffix}`, { force: true });
  return { rows: done, perSecond: done / seconds };
});
