/** Renders any list of the API: one JSON page, or everything that matches as a CSV or NDJSON download. */
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { StreamableFile } from '@nestjs/common';
import type { Page } from '@shoal/protocol';
import type { z } from 'zod';
import { csvHeader, csvRow, type Column } from './csv.ts';

export interface Listing<T> {
  /** Name of the download without its ending. */
  readonly name: string;
  /** Shapes every item: nothing that it does not name leaves the server. */
  readonly item: z.ZodType<T>;
  /** Columns of the CSV; their names and order are part of the API. */
  readonly columns: readonly Column<T>[];
}

export interface ListQuery {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly format: 'json' | 'csv' | 'ndjson';
}

/** Reads one page; `cursor` as in `nextCursor` of the page before. */
export type PageReader<T> = (limit: number, cursor: string | undefined) => Promise<Page<T>>;

/** Items per page of an export: small enough that shaping one page stays far below the event-loop budget. */
const EXPORT_PAGE = 200;

/** Items shaped in one turn of the event loop. */
const ITEMS_PER_TURN = 100;

/** A long page is shaped a part at a time, so that others get their turn. */
const shape = async <T>(listing: Listing<T>, items: readonly T[]): Promise<T[]> => {
  const shaped: T[] = [];
  for (let start = 0; start < items.length; start += ITEMS_PER_TURN) {
    if (start > 0) await setImmediate();
    for (const item of items.slice(start, start + ITEMS_PER_TURN)) shaped.push(listing.item.parse(item));
  }
  return shaped;
};

async function* lines<T>(listing: Listing<T>, read: PageReader<T>, query: ListQuery): AsyncGenerator<string> {
  const csv = query.format === 'csv';
  if (csv) yield csvHeader(listing.columns);
  const render = (item: T): string => (csv ? csvRow(listing.columns, item) : `${JSON.stringify(item)}\n`);
  let cursor = query.cursor;
  do {
    const page = await read(EXPORT_PAGE, cursor);
    cursor = page.nextCursor ?? undefined;
    const items = await shape(listing, page.items);
    if (items.length > 0) yield items.map(render).join('');
  } while (cursor !== undefined);
}

/**
 * JSON: one page of at most `limit`. CSV and NDJSON: a stream of everything from the cursor on, read page by page as
 * fast as the client takes it. The first page is read before the answer starts, so that a bad cursor is still a problem.
 */
export const answerList = async <T>(
  listing: Listing<T>,
  query: ListQuery,
  read: PageReader<T>,
): Promise<Page<T> | StreamableFile> => {
  if (query.format === 'json') {
    const page = await read(query.limit, query.cursor);
    return { items: await shape(listing, page.items), nextCursor: page.nextCursor };
  }
  const first = await read(EXPORT_PAGE, query.cursor);
  let firstPage: Page<T> | undefined = first;
  const readOn: PageReader<T> = (limit, cursor) => {
    const page = firstPage;
    firstPage = undefined;
    return page ? Promise.resolve(page) : read(limit, cursor);
  };
  return new StreamableFile(Readable.from(lines(listing, readOn, query), { objectMode: false }), {
    type: query.format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson; charset=utf-8',
    disposition: `attachment; filename="${listing.name}.${query.format}"`,
  });
};
