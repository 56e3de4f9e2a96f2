/** One of the two models of a backtest: its bundle unpacked, its engine at low priority, its rows judged as a device judges them. */
import { join } from 'node:path';
import { judgeOutputs, readBundle, unpackBundle, type BundleManifest, type Verdict } from '@shoal/models';
import type { SideCounts } from '@shoal/models/backtest';
import type { Tensors } from '@shoal/protocol';
import type { BacktestModel } from '../../../ports/backtest-runner.ts';
import { BatchEngine, type ScoredBatch } from '../score-runner/batch-engine.ts';

/** Of one row that was answered. */
export interface JudgedRow {
  /** Position in the matrix that was asked. */
  readonly row: number;
  readonly label: string | undefined;
  readonly exceeded: boolean;
  /** Of a model that is not judged; empty otherwise. */
  readonly outputs: Readonly<Record<string, number>>;
}

type Numbers = Float32Array | Float64Array;

export class AskedModel {
  readonly manifest: BundleManifest;
  readonly #columns: BacktestModel['columns'];
  readonly #engine: BatchEngine;
  readonly #side: SideCounts;

  private constructor(
    manifest: BundleManifest,
    columns: BacktestModel['columns'],
    engine: BatchEngine,
    side: SideCounts,
  ) {
    this.manifest = manifest;
    this.#columns = columns;
    this.#engine = engine;
    this.#side = side;
  }

  /** `archive` lies in `folder`. @throws ModelError of the bundle, or why no engine runs it */
  static async open(
    { digest, columns }: BacktestModel,
    files: { readonly folder: string; readonly name: string; readonly version: string },
    side: SideCounts,
  ): Promise<AskedModel> {
    const bundleFolder = join(files.folder, files.name);
    await unpackBundle(`${bundleFolder}.tar`, bundleFolder);
    const engine = await BatchEngine.open(bundleFolder, digest, columns, files.version);
    const { manifest } = await readBundle(bundleFolder, { signaturePolicy: 'allow-unsigned' });
    return new AskedModel(manifest, columns, engine, side);
  }

  get refusesNaN(): boolean {
    return this.#engine.refusesNaN;
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  /** Counts, and keeps the distribution of what is judged. @throws ModelError when the engine is out of service */
  async judge(
    rows: number,
    matrix: Float32Array,
    thresholds: Readonly<Record<string, number>> = {},
  ): Promise<JudgedRow[]> {
    const scored = await this.#ask(rows, matrix);
    this.#side.scored(scored.entities.length);
    for (const { reason } of scored.quarantined) this.#side.unanswered(reason, 1);
    for (const { index, name } of this.#judgedColumns()) {
      for (const value of scored.columns[index] ?? []) this.#side.output(name, value);
    }
    const verdicts = this.#verdicts(scored, thresholds);
    return scored.entities.map((entity, i) => ({
      row: Number(entity),
      label: verdicts[i]?.label,
      exceeded: verdicts[i]?.exceeded ?? false,
      outputs: verdicts.length > 0 ? {} : this.#named(scored, i),
    }));
  }

  /** Of a model that is judged by a score, in the order of the rows; rows without an answer are left out. */
  async scores(rows: number, matrix: Float32Array): Promise<number[]> {
    return this.#verdicts(await this.#ask(rows, matrix), {}).map(({ score }) => score);
  }

  async #ask(rows: number, matrix: Float32Array): Promise<ScoredBatch> {
    const startedAt = performance.now();
    const scored = await this.#engine.score({
      entities: Array.from({ length: rows }, (_, row) => String(row)),
      matrix,
    });
    this.#side.engine(rows, performance.now() - startedAt);
    return scored;
  }

  #verdicts(scored: ScoredBatch, thresholds: Readonly<Record<string, number>>): Verdict[] {
    const rule = this.manifest.postProcessing;
    if (rule.kind === 'none') return [];
    const judged = this.#judgedColumns().map(({ index }) => scored.columns[index] ?? new Float32Array());
    const output = rule.kind === 'score' ? rule.scoreOutput : rule.probabilitiesOutput;
    const data = rule.kind === 'score' ? (judged[0] ?? new Float32Array()) : interleaved(judged);
    const isSingle = data instanceof Float32Array;
    const tensors: Tensors = { [output]: { datatype: isSingle ? 'FP32' : 'FP64', shape: [data.length], data } };
    return judgeOutputs(this.manifest, tensors, thresholds);
  }

  #named({ columns }: ScoredBatch, row: number): Record<string, number> {
    return Object.fromEntries(this.#columns.map(({ name }, index) => [name, columns[index]?.[row] ?? Number.NaN]));
  }

  /** What decides, and whose distribution is compared. */
  #judgedColumns(): readonly { readonly index: number; readonly name: string }[] {
    const rule = this.manifest.postProcessing;
    const all = this.#columns.map(({ name }, index) => ({ index, name }));
    if (rule.kind === 'none') return all;
    if (rule.kind === 'score') return all.filter(({ name }) => name === rule.scoreOutput);
    return all.filter(({ name }) => name.startsWith(`${rule.probabilitiesOutput}.`));
  }
}

/** Columns beside each other become rows after each other. */
const interleaved = (columns: readonly Numbers[]): Float64Array => {
  const rows = columns[0]?.length ?? 0;
  const data = new Float64Array(rows * columns.length);
  for (const [i, column] of columns.entries()) {
    for (let row = 0; row < rows; row += 1) data[row * columns.length + i] = column[row] ?? 0;
  }
  return data;
};
