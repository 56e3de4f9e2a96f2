/** The hard examples of a device as a list: filtered, a page of JSON at a time, or everything that matches as NDJSON for training. */
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';

/** Shown whole; these are what is filtered and ordered by. One example for a window of a model. */
export interface ListedExample {
  /** End of the window; milliseconds since the epoch. */
  readonly at: number;
  readonly model: string;
  readonly kind: string;
}

const CURSOR = /^(\d{1,16})\.([a-z0-9-]{1,63})$/;
const instant = z.coerce.number().int().min(0);
const querySchema = z.strictObject({
  model: z.string().min(1).max(63).optional(),
  kind: z.enum(['late', 'disagreement']).optional(),
  /** `at` from here on, and before there. */
  from: instant.optional(),
  to: instant.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `nextCursor` of the page before. */
  cursor: z.string().regex(CURSOR, 'is no cursor of this list').optional(),
  format: z.enum(['json', 'ndjson']).default('json'),
});
export type ExampleQuery = z.output<typeof querySchema>;

/** @returns the query, or a sentence that says what is wrong with it */
export const readExampleQuery = (query: string): ExampleQuery | string => {
  const result = querySchema.safeParse(Object.fromEntries(new URLSearchParams(query)));
  if (result.success) return result.data;
  return result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`.trim()).join('; ');
};

const byWindow = (a: ListedExample, b: ListedExample): number =>
  a.at - b.at || (a.model < b.model ? -1 : Number(a.model > b.model));

/** Oldest window first, from the cursor on. */
export const matching = <T extends ListedExample>(examples: readonly T[], query: ExampleQuery): T[] => {
  const [, at = '', model = ''] = CURSOR.exec(query.cursor ?? '') ?? [];
  const after = query.cursor === undefined ? undefined : { at: Number(at), model, kind: '' };
  return examples
    .filter(
      (example) =>
        (query.model === undefined || example.model === query.model) &&
        (query.kind === undefined || example.kind === query.kind) &&
        example.at >= (query.from ?? -Infinity) &&
        example.at < (query.to ?? Infinity) &&
        (after === undefined || byWindow(example, after) > 0),
    )
    .toSorted(byWindow);
};

export const examplePage = <T extends ListedExample>(
  examples: readonly T[],
  query: ExampleQuery,
): { readonly items: readonly T[]; readonly nextCursor: string | null } => {
  const all = matching(examples, query);
  const items = all.slice(0, query.limit);
  const last = items.at(-1);
  return { items, nextCursor: all.length > items.length && last !== undefined ? `${last.at}.${last.model}` : null };
};

/** Examples rendered in one turn of the event loop. */
const PER_TURN = 20;

export async function* exampleLines(examples: readonly ListedExample[], query: ExampleQuery): AsyncGenerator<string> {
  const all = matching(examples, query);
  for (let first = 0; first < all.length; first += PER_TURN) {
    await setImmediate();
    yield all
      .slice(first, first + PER_TURN)
      .map((example) => `${JSON.stringify(example)}\n`)
      .join('');
  }
}
