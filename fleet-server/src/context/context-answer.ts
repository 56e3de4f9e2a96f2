/** What a device gets when it asks the fleet: the fleet's values overlaid by its own, and its labels. */
import type { ContextReply, Json, JsonObject, Labels } from '@shoal/protocol';

export interface ContextSources {
  readonly fleet: JsonObject;
  /** Outweighs the fleet's, key by key. */
  readonly device: JsonObject;
  /** From the registry, under the reserved key `labels`; undefined when the device is not registered. */
  readonly labels: Labels | undefined;
}

export interface ContextTerms {
  /** Undefined: everything. */
  readonly keys: readonly string[] | undefined;
  readonly asOf: number;
  readonly maxAgeMs: number;
}

/** Keys come from outside: the objects have no prototype that one could reach. */
const emptyValues = (): Record<string, Json> => Object.create(null) as Record<string, Json>;

export const answerContext = ({ fleet, device, labels }: ContextSources, terms: ContextTerms): ContextReply => {
  const all = emptyValues();
  for (const source of [fleet, device]) for (const [key, value] of Object.entries(source)) all[key] = value;
  delete all['labels'];
  if (labels) all['labels'] = labels;
  const { keys = Object.keys(all), asOf, maxAgeMs } = terms;
  const values = emptyValues();
  const missing = new Set<string>();
  for (const key of keys) {
    const value = all[key];
    if (value === undefined) missing.add(key);
    else values[key] = value;
  }
  return { values, missing: [...missing], asOf, maxAgeMs };
};
