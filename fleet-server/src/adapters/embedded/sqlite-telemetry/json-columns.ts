/** Columns of records that are stored as JSON: predictions and events; each is parsed once, when it is first asked. */
import type { Column } from '@shoal/models/streams';
import type { AnyRecord, DeviceEvent, Prediction, Scalar } from '@shoal/protocol';

type Read<R> = (record: R) => Scalar | undefined;

const PREDICTION_FACTS: Readonly<Record<string, Read<Prediction>>> = {
  $model: ({ model }) => model.name,
  $version: ({ model }) => model.version,
  $label: ({ label }) => label,
  $confidence: ({ confidence }) => confidence,
  $threshold: ({ threshold }) => threshold,
  $source: ({ source }) => source,
  $latencyMs: ({ latencyMs }) => latencyMs,
};
const EVENT_FACTS: Readonly<Record<string, Read<DeviceEvent>>> = {
  $kind: ({ kind }) => kind,
  $severity: ({ severity }) => severity,
};

const own = (values: Readonly<Record<string, Scalar>> | undefined, name: string): Scalar | undefined =>
  values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;

export class JsonColumns {
  readonly #kind: 'predictions' | 'events';
  readonly #parse: (row: number) => AnyRecord;
  readonly #parsed = new Map<number, AnyRecord>();

  constructor(kind: 'predictions' | 'events', parse: (row: number) => AnyRecord) {
    this.#kind = kind;
    this.#parse = parse;
  }

  column(name: string): Column {
    const read = this.#kind === 'predictions' ? predictionRead(name) : eventRead(name);
    return (row) => read(this.#record(row)) ?? null;
  }

  #record(row: number): AnyRecord {
    const known = this.#parsed.get(row);
    if (known !== undefined) return known;
    const record = this.#parse(row);
    this.#parsed.set(row, record);
    return record;
  }
}

const predictionRead = (name: string): Read<AnyRecord> => {
  const fact = Object.hasOwn(PREDICTION_FACTS, name) ? PREDICTION_FACTS[name] : undefined;
  if (fact !== undefined) return (record) => fact(record as Prediction);
  return (record) => own((record as Prediction).outputs, name);
};

const eventRead = (name: string): Read<AnyRecord> => {
  const fact = Object.hasOwn(EVENT_FACTS, name) ? EVENT_FACTS[name] : undefined;
  if (fact !== undefined) return (record) => fact(record as DeviceEvent);
  return (record) => own((record as DeviceEvent).data, name);
};
