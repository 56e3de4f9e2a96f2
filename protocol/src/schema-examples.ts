/** The examples a schema carries: shown in the documents, and validated by a test. */
import type { z } from 'zod';

/** Empty when there are none. */
export const examplesOf = (schema: z.ZodType): readonly unknown[] => {
  const examples: unknown = schema.meta()?.examples;
  return Array.isArray(examples) ? examples : [];
};
