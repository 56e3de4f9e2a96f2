/** Health of the server as probes and people read it. */
import { z } from 'zod';

export const healthSchema = z
  .object({
    status: z.enum(['ok', 'degraded', 'failing']),
    checks: z.array(
      z.object({ name: z.string(), status: z.enum(['ok', 'degraded', 'failing']), detail: z.string().nullable() }),
    ),
  })
  .meta({ id: 'Health' });
export type Health = z.infer<typeof healthSchema>;
