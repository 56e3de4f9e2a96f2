/** Errors of the HTTP API: RFC 9457 problem details with a `code` of the catalogue. */
import { z } from 'zod';

export const problemSchema = z
  .object({
    type: z.string().describe('RFC 9457 3.1.1: a URI reference to the catalogue entry.'),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string().optional().describe("The request's id, also in the server's log."),
    code: z.string(),
    retryable: z.boolean(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({
    id: 'Problem',
    examples: [
      {
        type: '/docs/errors#DEVICE_NOT_FOUND',
        title: 'Not Found',
        status: 404,
        detail: 'No device "pump-99". List the devices with GET /api/devices.',
        code: 'DEVICE_NOT_FOUND',
        retryable: false,
      },
    ],
  });
export type Problem = z.infer<typeof problemSchema>;
