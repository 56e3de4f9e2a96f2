/** The version of this server, from its package file: the one place where it is written. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** `src/` and `dist/` lie equally deep in the package. */
export const serverVersion = (): string =>
  z.object({ version: z.string() }).parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')))
    .version;
