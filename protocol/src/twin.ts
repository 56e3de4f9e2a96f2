/** The device twin: desired state from the fleet, reported state from the device, merged by RFC 7396, compared as a delta. */
import { z } from 'zod';

/** A JSON object; arrays are replaced whole, `null` deletes when merged. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export const jsonSchema: z.ZodType<Json> = z
  .lazy(() =>
    z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(jsonSchema), z.record(z.string(), jsonSchema)]),
  )
  .meta({ id: 'Json' });

export const jsonObjectSchema: z.ZodType<JsonObject> = z.record(z.string(), jsonSchema).meta({ id: 'JsonObject' });

/** What the server sends on `down/twin` (retained): the whole desired state at a version. */
export const desiredTwinSchema = z
  .object({ v: z.literal(1), version: z.int().min(0), desired: jsonObjectSchema })
  .meta({
    id: 'DesiredTwin',
    examples: [{ v: 1, version: 3, desired: { models: { 'pump-anomaly': { thresholds: { score: 1.4 } } } } }],
  });
export type DesiredTwin = z.infer<typeof desiredTwinSchema>;

/** What the device sends on `up/twin`: a merge patch on its reported state, and the desired version it has applied. */
export const reportedTwinSchema = z
  .object({
    v: z.literal(1),
    appliedVersion: z.int().min(0),
    mode: z
      .enum(['whole', 'patch'])
      .describe('whole replaces the reported state (after a start), patch merges into it.'),
    reported: jsonObjectSchema,
  })
  .meta({
    id: 'ReportedTwin',
    examples: [{ v: 1, appliedVersion: 3, mode: 'patch', reported: { agent: { version: '0.1.0' } } }],
  });
export type ReportedTwin = z.infer<typeof reportedTwinSchema>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keys that would reach an object's prototype are data like any other: objects are built without one. */
const emptyObject = (): Record<string, Json> => Object.create(null) as Record<string, Json>;

/** RFC 7396 section 2, `MergePatch(target, patch)`, on objects; neither argument is changed. */
export const mergePatch = (target: JsonObject, patch: JsonObject): JsonObject => {
  const merged = emptyObject();
  for (const [key, value] of Object.entries(target)) merged[key] = value;
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) {
      delete merged[key];
    } else if (isObject(value)) {
      const current = Object.hasOwn(merged, key) ? merged[key] : undefined;
      merged[key] = mergePatch(isObject(current) ? current : {}, value);
    } else {
      merged[key] = value;
    }
  }
  return merged;
};

const equal = (a: Json | undefined, b: Json | undefined): boolean => {
  if (isObject(a) && isObject(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => equal(item as Json, b[index] as Json));
  }
  return a === b;
};

/**
 * What is desired and not (yet) reported so: keys of `desired` whose reported value is absent or different, arrays whole.
 * Keys only the device reports are no difference. Empty when the device is in step.
 */
export const twinDelta = (desired: JsonObject, reported: JsonObject): JsonObject => {
  const delta = emptyObject();
  for (const [key, value] of Object.entries(desired)) {
    const actual = Object.hasOwn(reported, key) ? reported[key] : undefined;
    if (isObject(value) && isObject(actual)) {
      const inner = twinDelta(value, actual);
      if (Object.keys(inner).length > 0) delta[key] = inner;
    } else if (!equal(value, actual)) {
      delta[key] = value;
    }
  }
  return delta;
};

/** The smallest patch with `mergePatch(from, diffPatch(from, to))` equal to `to`; needs `to` free of nulls, as merged states are. */
export const diffPatch = (from: JsonObject, to: JsonObject): JsonObject => {
  const patch = emptyObject();
  for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) patch[key] = null;
  for (const [key, value] of Object.entries(to)) {
    const before = Object.hasOwn(from, key) ? from[key] : undefined;
    if (isObject(value) && isObject(before)) {
      const inner = diffPatch(before, value);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    } else if (!equal(value, before)) {
      patch[key] = value;
    }
  }
  return patch;
};

/** Deep equality of two twin documents, key order aside. */
export const twinEquals = (a: JsonObject, b: JsonObject): boolean => equal(a, b);
