/** Routes of streams. */
import { z } from 'zod';
import { streamDefinitionSchema, streamNameSchema } from '../streams/stream-definition.ts';
import {
  bodyProblems,
  created,
  idempotencyHeader,
  ifMatchHeader,
  json,
  list,
  nothing,
  problems,
  tagged,
  type Operation,
} from './operation.ts';
import { pageQuerySchema } from './page.ts';
import * as streams from './streams.ts';

const streamParams = z.object({ stream: streamNameSchema });

export const STREAM_OPERATIONS: readonly Operation[] = [
  {
    id: 'listStreams',
    method: 'get',
    path: '/api/streams',
    tag: 'streams',
    summary: 'List streams by name',
    query: pageQuerySchema,
    responses: { 200: list('Streams.', streams.streamPageSchema, streams.streamDocumentSchema), ...problems() },
  },
  {
    id: 'createStream',
    method: 'post',
    path: '/api/streams',
    tag: 'streams',
    summary: 'Define a stream',
    description:
      'Its windows are filled from the stored log, as far back as raw records are kept, unless it starts from now.',
    headers: idempotencyHeader,
    body: streamDefinitionSchema,
    responses: { 201: created('The new stream.', streams.streamDocumentSchema), ...bodyProblems(409, 503) },
  },
  {
    id: 'previewStream',
    method: 'post',
    path: '/api/streams/preview',
    tag: 'streams',
    summary: 'Run a definition over stored history without saving it',
    isRead: true,
    body: streams.streamPreviewSchema,
    responses: {
      200: json('The windows it would give.', streams.streamPreviewAnswerSchema),
      ...bodyProblems(503),
    },
  },
  {
    id: 'getStream',
    method: 'get',
    path: '/api/streams/{stream}',
    tag: 'streams',
    summary: 'Show one stream',
    params: streamParams,
    responses: { 200: tagged('The stream.', streams.streamDocumentSchema), ...problems(404) },
  },
  {
    id: 'putStream',
    method: 'put',
    path: '/api/streams/{stream}',
    tag: 'streams',
    summary: 'Replace a stream',
    description:
      'A changed definition is a new version: its windows are filled anew, and those of the version before go.',
    params: streamParams,
    headers: ifMatchHeader,
    body: streamDefinitionSchema,
    responses: {
      200: tagged('The stream as it is now.', streams.streamDocumentSchema),
      ...bodyProblems(404, 409, 503),
    },
  },
  {
    id: 'deleteStream',
    method: 'delete',
    path: '/api/streams/{stream}',
    tag: 'streams',
    summary: 'Remove a stream with its windows',
    params: streamParams,
    headers: ifMatchHeader,
    responses: { 204: nothing('Removed.'), ...problems(404, 409, 415, 503) },
  },
  {
    id: 'getStreamStatus',
    method: 'get',
    path: '/api/streams/{stream}/status',
    tag: 'streams',
    summary: 'Show how far a stream is, and what became of the records it has seen',
    params: streamParams,
    responses: { 200: json('Position and counts.', streams.streamStatusSchema), ...problems(404, 503) },
  },
  {
    id: 'listWindows',
    method: 'get',
    path: '/api/streams/{stream}/windows',
    tag: 'streams',
    summary: 'List the windows of a stream',
    params: streamParams,
    query: streams.windowQuerySchema,
    responses: {
      200: list('By key and start.', streams.windowPageSchema, streams.windowResultSchema),
      ...problems(404, 503),
    },
  },
];
