/** What is asked of the metadata of the fleet, and what comes back. */
import { z } from 'zod';

/** `name` of an answer whose root was none: nothing was looked at. */
export const ROOT_UNUSABLE = 'RootUnusable';

export const lookRequestSchema = z.object({
  /** Scratch copy of the metadata; written to. */
  folder: z.string(),
  /** Of the fleet server, without a slash at its end; null: whoever runs this process fetches for it. */
  url: z.string().nullable(),
  targets: z.array(z.string()),
  /** The target that holds the keys of the director. */
  keysTarget: z.string(),
  /** Milliseconds since the epoch, as far as this device can know. */
  nowAt: z.number(),
});
export type LookRequest = z.infer<typeof lookRequestSchema>;

const targetFactsSchema = z.object({
  path: z.string(),
  lengthBytes: z.number(),
  /** Hex. */
  sha256: z.string(),
  /** As signed, unjudged. */
  custom: z.record(z.string(), z.unknown()),
});
export type TargetFacts = z.infer<typeof targetFactsSchema>;

export const lookAnswerSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('found'),
    /** In the order they were asked for; null for one that nobody signed. */
    targets: z.array(targetFactsSchema.nullable()),
    /** Content of the keys target; null where there is none. */
    directorKeys: z.string().nullable(),
  }),
  z.object({
    type: z.literal('failed'),
    /** Of the error, as tuf-js calls it. */
    name: z.string(),
    message: z.string(),
    /** Of HTTP, where it was that. */
    status: z.number().nullable(),
  }),
]);
export type LookAnswer = z.infer<typeof lookAnswerSchema>;

/** What the process asks of who runs it, where it may not ask the network itself. */
export const fileRequestSchema = z.object({ number: z.int(), path: z.string(), maxBytes: z.int().min(1) });
export type FileRequest = z.infer<typeof fileRequestSchema>;

export interface FileAnswer {
  readonly number: number;
  /** Null where there is no such file. */
  readonly bytes: Uint8Array | null;
  /** Why nothing came. */
  readonly fault?: string;
}
