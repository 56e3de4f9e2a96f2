/** Signed content in pieces over MQTT, for sites where only its port is open: what is asked, and the frame that answers. */
import { z } from 'zod';
import { BOUNDS } from './bounds.ts';
import { schemaFault } from './schema-fault.ts';
import { decodeFrame } from './frame.ts';
import { requestIdSchema } from './identifiers.ts';
import { decodeInferFrame, encodeInferFrame } from './inference/v2-frame.ts';
import { requestOf } from './request.ts';

/** The same paths as over HTTP, and no other. */
const PATH = /^\/(?:tuf\/[A-Za-z0-9][A-Za-z0-9._-]{0,63}|blobs\/sha256\/[0-9a-f]{64}(?:\/delta\/[0-9a-f]{64})?)$/;
const position = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** `blob`: a piece of what anybody may fetch from the fleet server: metadata, a packed bundle, or a delta. */
export const blobRequestSchema = requestOf(
  z.object({
    path: z.string().regex(PATH, 'is no path of metadata or content').describe('As over HTTP.'),
    offset: position,
    length: z.int().min(1).max(BOUNDS.blobPieceBytes),
  }),
).meta({
  id: 'BlobRequest',
  examples: [
    { v: 1, requestId: 'b-1', deadlineMs: 30_000, body: { path: '/tuf/timestamp.json', offset: 0, length: 65_536 } },
  ],
});
export type BlobRequest = z.infer<typeof blobRequestSchema>;

/** The JSON part of the answer, with the bytes behind it in a frame as that of inference; a failure is a `Reply`. */
export const blobReplySchema = z
  .object({
    v: z.literal(1),
    requestId: requestIdSchema,
    outcome: z.literal('ok'),
    offset: position,
    totalBytes: position.describe('Of the whole; nothing comes from beyond its end.'),
  })
  .meta({
    id: 'BlobReply',
    examples: [{ v: 1, requestId: 'b-1', outcome: 'ok', offset: 0, totalBytes: 612 }],
  });
export type BlobReply = z.infer<typeof blobReplySchema>;

export const encodeBlobReply = (reply: BlobReply, bytes: Uint8Array): Uint8Array => {
  const head = Buffer.from(JSON.stringify(reply), 'utf8');
  return encodeInferFrame({ body: Buffer.concat([head, bytes]), headerLength: head.byteLength });
};

/**
 * `bytes` share memory with `payload`.
 * @throws ProtocolError FRAME_TOO_LARGE | BINARY_TOO_SHORT | BINARY_HEADER_OUT_OF_RANGE | PAYLOAD_NOT_JSON | SCHEMA_INVALID
 */
export const decodeBlobReply = (payload: Uint8Array): BlobReply & { readonly bytes: Uint8Array } => {
  const { body, headerLength } = decodeInferFrame(payload);
  const parsed = blobReplySchema.safeParse(decodeFrame(body.subarray(0, headerLength)));
  if (!parsed.success) throw schemaFault(parsed.error, 'blob reply');
  return { ...parsed.data, bytes: body.subarray(headerLength) };
};
