/** Guards request bodies whose shape is the caller's own: nesting is bounded before anything walks it by recursion. */
import { BOUNDS } from '@shoal/protocol';
import { z } from 'zod';

/** Walks level by level, without recursion. */
export const isWithinDepth = (value: unknown, limit: number): boolean => {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    const containers = level.filter((inner) => typeof inner === 'object' && inner !== null);
    if (containers.length > 0 && depth >= limit) return false;
    level = containers.flatMap((inner) => Object.values(inner as object));
  }
  return true;
};

/** `schema`, tried only on values nested at most `BOUNDS.jsonDepth` deep. */
export const shallow = <S extends z.ZodType>(schema: S): z.ZodPipe<z.ZodUnknown, S> =>
  z
    .unknown()
    .refine((value) => isWithinDepth(value, BOUNDS.jsonDepth), {
      message: `nested deeper than ${BOUNDS.jsonDepth} levels`,
      abort: true,
    })
    .pipe(schema);
