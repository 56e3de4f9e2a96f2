/** What a network does to the bytes of a connection, and how a scenario says so. */
import { z } from 'zod';

export const networkConditionsSchema = z
  .strictObject({
    /** Added to every chunk in either direction. */
    latencyMs: z.number().min(0).default(0),
    /** Up to this much more, uniformly; order is kept. */
    jitterMs: z.number().min(0).default(0),
    /** Nothing moves, connections stay, bytes wait (a dead radio that comes back). */
    stalled: z.boolean().default(false),
    /** Bytes are taken and never arrive (a router that forgot the connection). */
    blackhole: z.boolean().default(false),
    /** Bytes per write, with `dribblePauseMs` between; 0 = as they come. */
    dribbleBytes: z.int().min(0).default(0),
    dribblePauseMs: z.number().min(0).default(1),
    /** New connections are closed at once. */
    refusing: z.boolean().default(false),
    /** Every connection is reset (RST) after this many more bytes, wherever in a packet that is; 0 = never. */
    resetAfterBytes: z.int().min(0).default(0),
  })
  .meta({ id: 'NetworkConditions' });
export type NetworkConditions = z.infer<typeof networkConditionsSchema>;

export const GOOD_NETWORK: NetworkConditions = Object.freeze(networkConditionsSchema.parse({}));
