/** What the bench asks for: request by request, with the answer that each must get. */
import { pinEntityViews } from '@shoal/models';
import { entityViewSchema } from '@shoal/protocol';
import { network, predict, writeNetworkBundle } from '../serving/network-model.ts';

const WIDTH = 8;
const ENTITIES = 100;
/** One of so many requests is about an entity, and may share the run of another. */
const ABOUT_ENTITY = 4;
const TOLERANCE = 1e-3;
const DAY_MS = 86_400_000;

const LAYERS = network([WIDTH, 32, 1]);
const NAMES = Array.from({ length: WIDTH }, (_, index) => `f${index}`);

export const VIEW = entityViewSchema.parse({
  name: 'async-bench',
  entity: 'site',
  maxAgeMs: DAY_MS,
  features: NAMES.map((name) => ({ name, source: { kind: 'pushed' } })),
});
export const MODEL = 'bench-network';

/** Numbers that JSON and single precision hold alike. */
const rowOf = (seed: number): number[] => NAMES.map((_, index) => ((seed * 37 + index * 101) % 1_000) / 1_024);
const entityOf = (index: number): number => (Math.floor(index / ABOUT_ENTITY) * 7) % ENTITIES;
const isAboutEntity = (index: number): boolean => index % ABOUT_ENTITY === 0;

export interface AskedRequest {
  readonly model: string;
  readonly idempotencyKey: string;
  readonly entity?: string;
  readonly features?: readonly number[];
}

/** The same for the same index, so that a request is repeated word for word. */
export const requestOf = (index: number): AskedRequest => {
  const asked = { model: MODEL, idempotencyKey: `request-${index}` };
  if (isAboutEntity(index)) return { ...asked, entity: `site-${entityOf(index)}` };
  return { ...asked, features: rowOf(ENTITIES + index) };
};

/** Whether it is what the network gives for the request, computed here in double precision. */
export const isRight = (index: number, prediction: readonly unknown[]): boolean => {
  const row = rowOf(isAboutEntity(index) ? entityOf(index) : ENTITIES + index);
  const [expected = 0] = predict(LAYERS, row);
  const difference = Math.abs(Number(prediction[0]) - expected);
  return prediction.length === 1 && difference <= TOLERANCE * Math.max(1, Math.abs(expected));
};

export const writeBundle = (folder: string): Promise<string> =>
  writeNetworkBundle(folder, { layers: LAYERS, row: rowOf(1), more: { entityView: pinEntityViews([VIEW]) } });

export const entityValues = (): readonly { readonly entity: string; readonly values: Record<string, number> }[] =>
  Array.from({ length: ENTITIES }, (_, entity) => ({
    entity: `site-${entity}`,
    values: Object.fromEntries(rowOf(entity).map((value, index) => [NAMES[index] ?? '', value])),
  }));
