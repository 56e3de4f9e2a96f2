/** The record of the updater in memory and on disk: changes one after the other, each durable before anybody acts on it. */
import { afterEvent, type Moment, type UpdateEvent } from './update-plan.ts';
import type { StateRecord } from './state-record.ts';
import { EMPTY_MODEL, EMPTY_RECORD, type ModelRecord, type UpdaterRecord } from './update-record.ts';

export type OnChange = (name: string, before: ModelRecord, after: ModelRecord) => void;

export class RecordKeeper {
  readonly #file: StateRecord<UpdaterRecord>;
  readonly #moment: () => Moment;
  readonly #onChange: OnChange;
  #record: UpdaterRecord = EMPTY_RECORD;
  #writing: Promise<unknown> = Promise.resolve();

  /** `onChange` is told of each model whose record changed, once that is durable. */
  constructor(file: StateRecord<UpdaterRecord>, moment: () => Moment, onChange: OnChange) {
    this.#file = file;
    this.#moment = moment;
    this.#onChange = onChange;
  }

  /** @returns whether there was a record of which nothing is whole */
  async start(): Promise<boolean> {
    const { value, isDamaged } = await this.#file.read();
    this.#record = value ?? EMPTY_RECORD;
    return isDamaged;
  }

  get record(): UpdaterRecord {
    return this.#record;
  }

  model(name: string): ModelRecord {
    return this.#record.models[name] ?? EMPTY_MODEL;
  }

  /** Resolves with the model's record then. Rejects with what the disk throws; nothing has changed then. */
  async apply(name: string, event: UpdateEvent): Promise<ModelRecord> {
    await this.applyAll([{ name, event }]);
    return this.model(name);
  }

  /** All of them in one write, with what else of the record is new. */
  applyAll(
    events: readonly { readonly name: string; readonly event: UpdateEvent }[],
    head: (record: UpdaterRecord) => Partial<Omit<UpdaterRecord, 'models'>> = () => ({}),
  ): Promise<void> {
    const written = this.#writing.then(() => this.#write(events, head));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #write(
    events: readonly { readonly name: string; readonly event: UpdateEvent }[],
    head: (record: UpdaterRecord) => Partial<Omit<UpdaterRecord, 'models'>>,
  ): Promise<void> {
    const before = this.#record;
    const models = { ...before.models };
    // Looked at here, one write after the other: a hold that was promised is broken by no write after it.
    const moment = this.#moment();
    for (const { name, event } of events) models[name] = afterEvent(models[name], event, moment);
    const after = { ...before, ...head(before), models };
    await this.#file.write(after);
    this.#record = after;
    for (const [name, model] of Object.entries(models)) {
      const earlier = before.models[name] ?? EMPTY_MODEL;
      if (model !== earlier) this.#onChange(name, earlier, model);
    }
  }
}
