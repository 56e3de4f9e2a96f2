/** How lists of streams and windows look as CSV. */
import { streamDocumentSchema, windowResultSchema, type StreamDocument, type WindowResult } from '@shoal/protocol';
import type { Listing } from '../listing/list-answer.ts';

export const STREAMS: Listing<StreamDocument> = {
  name: 'streams',
  item: streamDocumentSchema,
  columns: [
    { name: 'name', value: ({ name }) => name },
    { name: 'source', value: ({ definition }) => definition.source.kind },
    { name: 'key', value: ({ definition }) => definition.key.by },
    { name: 'window', value: ({ definition }) => definition.window.kind },
    { name: 'hash', value: ({ hash }) => hash },
    { name: 'revision', value: ({ revision }) => revision },
    { name: 'updatedAt', value: ({ updatedAt }) => updatedAt },
  ],
};

/** Aggregates differ from stream to stream, so they share a column as JSON. */
export const WINDOWS: Listing<WindowResult> = {
  name: 'windows',
  item: windowResultSchema,
  columns: [
    { name: 'key', value: ({ key }) => key },
    { name: 'level', value: ({ level }) => level },
    { name: 'startAt', value: ({ startAt }) => startAt },
    { name: 'endAt', value: ({ endAt }) => endAt },
    { name: 'state', value: ({ state }) => state },
    { name: 'revision', value: ({ revision }) => revision },
    { name: 'records', value: ({ records }) => records },
    { name: 'clockBad', value: ({ clockBad }) => clockBad },
    { name: 'values', value: ({ values }) => JSON.stringify(values) },
    { name: 'updatedAt', value: ({ updatedAt }) => updatedAt },
  ],
};
