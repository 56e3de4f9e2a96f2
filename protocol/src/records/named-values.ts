/** The wide members of a record: one entry per channel, output or fact. */
import { z } from 'zod';
import { BOUNDS } from '../bounds.ts';

/** Name (1-64 characters) → `value`, at most `BOUNDS.valuesPerRecord` of them. */
export const namedValues = <S extends z.ZodType>(value: S) =>
  z
    .record(z.string().min(1).max(64), value)
    .refine((values) => Object.keys(values).length <= BOUNDS.valuesPerRecord, {
      message: `at most ${BOUNDS.valuesPerRecord} entries`,
    })
    .meta({ maxProperties: BOUNDS.valuesPerRecord });
