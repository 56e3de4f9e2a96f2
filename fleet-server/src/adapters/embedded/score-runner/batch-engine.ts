/** One model in an engine process of its own, asked with large batches; a row that breaks a batch is found and set aside alone. */
import {
  asModelError,
  EngineSupervisor,
  ModelError,
  readBundle,
  type Bundle,
  type SupervisedModel,
} from '@shoal/models';
import type { QuarantinedRow, Tensor, Tensors } from '@shoal/protocol';
import type { ScoreColumn } from '../../../ports/score-store.ts';
import type { ScoredRows } from '../sqlite-scores/score-block.ts';

/** With these the engine is out of service, whatever the rows. */
const OUT_OF_SERVICE: ReadonlySet<string> = new Set([
  'ENGINE_UNAVAILABLE',
  'ENGINE_CLOSED',
  'ENGINE_BUSY',
  'MODEL_CLOSED',
  'MODEL_QUARANTINED',
]);
/** A run that costs a process its life: halves would lose one at every level, row by row loses one a bad row. */
const LOSSES: ReadonlySet<string> = new Set(['ENGINE_CRASHED', 'ENGINE_TIMEOUT']);
/** Of inputs in one call: what a model makes of them on the way may be many times as much. */
const CALL_BYTES = 4_194_304;
const DETAIL_CHARACTERS = 300;

export interface Rows {
  readonly entities: readonly string[];
  readonly matrix: Float32Array;
}

export interface ScoredBatch extends ScoredRows {
  readonly quarantined: readonly QuarantinedRow[];
}

/** What of an engine a run needs. */
export type RowScorer = Pick<BatchEngine, 'score' | 'refusesNaN' | 'close'>;

type Numbers = Float32Array | Float64Array;

export class BatchEngine {
  readonly #supervisor: EngineSupervisor;
  readonly #model: SupervisedModel;
  readonly #columns: readonly ScoreColumn[];
  readonly #width: number;

  private constructor(supervisor: EngineSupervisor, model: SupervisedModel, columns: readonly ScoreColumn[]) {
    this.#supervisor = supervisor;
    this.#model = model;
    this.#columns = columns;
    this.#width = model.signature.inputs[0]?.shape[1] ?? 0;
  }

  /** The process inherits the low priority of this one. @throws ModelError of the bundle, or why no engine runs it */
  static async open(
    folder: string,
    digest: string,
    columns: readonly ScoreColumn[],
    version: string,
  ): Promise<BatchEngine> {
    const bundle = await readBundle(folder, { signaturePolicy: 'allow-unsigned' });
    if (bundle.digest !== digest) throw otherModel(bundle);
    const supervisor = new EngineSupervisor({ agentVersion: version });
    const model = await supervisor.load(bundle);
    const { status, reason } = model.state();
    if (status === 'ready') return new BatchEngine(supervisor, model, columns);
    await supervisor.close();
    throw new ModelError(reason?.code ?? 'ENGINE_UNAVAILABLE', reason?.message ?? 'no engine runs the model');
  }

  get refusesNaN(): boolean {
    return this.#model.signature.nonFiniteInputs === 'refuse';
  }

  async close(): Promise<void> {
    await this.#supervisor.close();
  }

  /** @throws ModelError when the engine is out of service: the rows can be tried again */
  async score({ entities, matrix }: Rows): Promise<ScoredBatch> {
    const columns = this.#columns.map(({ type }): Numbers =>
      type === 'f32' ? new Float32Array(entities.length) : new Float64Array(entities.length),
    );
    const bad = new Map<number, ModelError>();
    const rowsPerCall = Math.max(1, Math.floor(CALL_BYTES / (this.#width * Float32Array.BYTES_PER_ELEMENT)));
    for (let from = 0; from < entities.length; from += rowsPerCall) {
      await this.#part(matrix, from, Math.min(from + rowsPerCall, entities.length), { columns, bad });
    }
    return withoutBad(entities, columns, bad);
  }

  async #part(
    matrix: Float32Array,
    from: number,
    to: number,
    into: { readonly columns: readonly Numbers[]; readonly bad: Map<number, ModelError> },
  ): Promise<void> {
    try {
      place(await this.#infer(matrix, from, to, 'report'), this.#model, into.columns, from);
    } catch (error) {
      const fault = asModelError(error, 'ENGINE_CRASHED');
      if (OUT_OF_SERVICE.has(fault.code)) throw fault;
      if (to - from === 1) into.bad.set(from, fault);
      else if (LOSSES.has(fault.code)) await this.#singly(matrix, from, to, into);
      else {
        const middle = (from + to) >>> 1;
        await this.#part(matrix, from, middle, into);
        await this.#part(matrix, middle, to, into);
      }
    }
  }

  async #singly(
    matrix: Float32Array,
    from: number,
    to: number,
    into: { readonly columns: readonly Numbers[]; readonly bad: Map<number, ModelError> },
  ): Promise<void> {
    for (let row = from; row < to; row += 1) {
      try {
        place(await this.#infer(matrix, row, row + 1, 'blame'), this.#model, into.columns, row);
      } catch (error) {
        const fault = asModelError(error, 'ENGINE_CRASHED');
        if (OUT_OF_SERVICE.has(fault.code)) throw fault;
        into.bad.set(row, fault);
      }
    }
  }

  async #infer(matrix: Float32Array, from: number, to: number, onLoss: 'report' | 'blame'): Promise<Tensors> {
    const name = this.#model.signature.inputs[0]?.name ?? '';
    const data = matrix.subarray(from * this.#width, to * this.#width);
    const inputs: Tensors = { [name]: { datatype: 'FP32', shape: [to - from, this.#width], data } };
    return (await this.#model.infer(inputs, { batch: { onLoss, patienceMs: undefined } })).outputs;
  }
}

const otherModel = ({ manifest: { name, version } }: Bundle): ModelError =>
  new ModelError('BUNDLE_DIGEST_MISMATCH', `${name} ${version} is not what it was when the run was submitted`);

/** Elements of a row beside each other become columns, in the order of the outputs. */
const place = (outputs: Tensors, { signature }: SupervisedModel, columns: readonly Numbers[], from: number): void => {
  let column = 0;
  for (const { name } of signature.outputs) {
    const tensor = outputs[name];
    if (tensor !== undefined) column += placeTensor(tensor, columns, column, from);
  }
};

const placeTensor = (
  { shape: [rows = 0], data }: Tensor,
  columns: readonly Numbers[],
  first: number,
  from: number,
): number => {
  const width = rows === 0 ? 0 : data.length / rows;
  for (let column = 0; column < width; column += 1) {
    const target = columns[first + column];
    if (target === undefined) continue;
    for (let row = 0; row < rows; row += 1) target[from + row] = Number(data[row * width + column]);
  }
  return width;
};

const withoutBad = (
  entities: readonly string[],
  columns: readonly Numbers[],
  bad: ReadonlyMap<number, ModelError>,
): ScoredBatch => {
  if (bad.size === 0) return { entities, columns, quarantined: [] };
  const isGood = (_: unknown, row: number): boolean => !bad.has(row);
  return {
    entities: entities.filter(isGood),
    columns: columns.map((column) => column.filter(isGood)),
    quarantined: [...bad].map(([row, { code, message }]) => ({
      entity: entities[row] ?? '',
      reason: code,
      detail: message.slice(0, DETAIL_CHARACTERS),
    })),
  };
};
