/** The version of this server, from its package. */
import { readFileSync } from 'node:fs';

/** The package lies one folder above the sources and above the build alike. */
export const readVersion = (): string => {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
};
