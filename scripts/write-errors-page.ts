/** Rewrites docs/errors.md from the error catalogues: `node --conditions=source scripts/write-errors-page.ts`. */
import { writeFileSync } from 'node:fs';
import { errorsPage } from './docs/errors-page.ts';

writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsPage());
