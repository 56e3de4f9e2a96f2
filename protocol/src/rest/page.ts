/** Lists of the HTTP API: cursor pages, the same on every list. */
import { z } from 'zod';

export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('Items of one page; a stream has no pages.'),
  cursor: z.string().max(512).optional().describe('Opaque; from nextCursor of the page before.'),
  format: z.enum(['json', 'csv', 'ndjson']).default('json').describe('csv and ndjson stream everything that matches.'),
});
export type PageQuery = z.infer<typeof pageQuerySchema>;

export const pageOf = <S extends z.ZodType>(item: S) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}
