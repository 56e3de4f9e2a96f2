/** What the property tests of the wire draw from. */
import fc from 'fast-check';
import { RECORD_KINDS, type AnyRecord, type Batch, type Json, type JsonObject, type RecordKind } from '../src/index.ts';

const pattern = (regex: RegExp): fc.Arbitrary<string> => fc.stringMatching(regex);
export const deviceId = pattern(/^[a-z0-9][a-z0-9-]{0,62}$/);
export const requestId = pattern(/^[A-Za-z0-9_-]{1,64}$/);
export const recordKind = fc.constantFrom(...RECORD_KINDS);
const epoch = pattern(/^[0-9a-f]{20}$/);
const instant = fc.integer({ min: 0, max: 8_640_000_000_000_000 });
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
/** Unicode text without lone surrogates; `__proto__` is left to tests of its own. */
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => text !== '__proto__');

const reading = fc.record(
  {
    observedAt: instant,
    source: name,
    values: fc.dictionary(name, fc.option(finite), { maxKeys: 12 }),
    marks: fc.dictionary(name, fc.constantFrom('missing', 'stuck', 'gap'), { maxKeys: 3 }),
  },
  { requiredKeys: ['observedAt', 'source', 'values'] },
);
const prediction = fc.record(
  {
    observedAt: instant,
    model: fc.record({ name, version: name }),
    window: fc.record({ startAt: instant, endAt: instant, count: fc.nat() }),
    outputs: fc.dictionary(name, finite, { maxKeys: 4 }),
    source: fc.constantFrom('edge', 'cloud', 'abstained'),
    label: name,
    latencyMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
  },
  { requiredKeys: ['observedAt', 'model', 'window', 'outputs', 'source'] },
);
const event = fc.record(
  {
    observedAt: instant,
    kind: pattern(/^[a-z][a-z0-9.-]{0,20}$/),
    severity: fc.constantFrom('debug', 'info', 'alarm'),
    message: fc.string({ unit: 'grapheme', maxLength: 60 }),
    data: fc.dictionary(name, fc.oneof(finite, name, fc.boolean(), fc.constant(null)), { maxKeys: 4 }),
  },
  { requiredKeys: ['observedAt', 'kind', 'severity', 'message'] },
);
const bodies: Record<RecordKind, fc.Arbitrary<object>> = { readings: reading, predictions: prediction, events: event };

const ascending = (bodiesOf: fc.Arbitrary<object>): fc.Arbitrary<AnyRecord[]> =>
  fc.array(fc.tuple(bodiesOf, fc.integer({ min: 1, max: 1_000 })), { minLength: 1, maxLength: 20 }).map((drawn) => {
    let sequence = 0;
    return drawn.map(([body, step]) => ({ ...body, sequence: (sequence += step) }) as AnyRecord);
  });

/** A batch that a decoder must accept. */
export const batchOf = (kind: RecordKind): fc.Arbitrary<Batch> =>
  fc.record({
    v: fc.constant(1 as const),
    epoch,
    class: fc.constantFrom('alarm', 'prediction', 'reading', 'debug'),
    lane: fc.constantFrom('live', 'backlog'),
    sentAt: instant,
    clock: fc.oneof(
      fc.constant({ state: 'unsynchronised' as const }),
      fc.record({ state: fc.constant('synchronised' as const), offsetMs: finite }),
    ),
    records: ascending(bodies[kind]),
  });

/** Few keys, so that documents collide. */
const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'toString', '');
const { tree } = fc.letrec<{ tree: Json; object: JsonObject }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Json>('x', 'y', 0, 1, true, false, null),
    fc.array(fc.constantFrom<Json>(1, 'x', null), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc
    .array(fc.tuple(key, tie('tree')), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries) as JsonObject),
}));
/** Twin documents and patches: JSON objects with nulls, arrays and keys of `Object.prototype`. */
export const twinDocument: fc.Arbitrary<JsonObject> = fc
  .array(fc.tuple(key, tree), { maxLength: 4 })
  .map((entries) => Object.fromEntries(entries) as JsonObject);
