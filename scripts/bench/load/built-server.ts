/** The built fleet server, for benches that need a part of it: the compiled module, by its path below `dist`. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const IS_SOURCE = import.meta.url.endsWith('.ts');
/** `scripts/bench/load` or `scripts/dist/bench/load`. */
const DEPTH = IS_SOURCE ? '../../..' : '../../../..';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), DEPTH);

const { config } = JSON.parse(readFileSync(join(ROOT, 'fleet-server', 'package.json'), 'utf8')) as {
  readonly config: { readonly nodeFlags: string };
};

/** Arguments of node for the built server, before its own. */
export const SERVER_PROGRAM = [...config.nodeFlags.split(' '), join(ROOT, 'fleet-server', 'dist', 'main.js')];

export const builtModule = async <T>(path: string): Promise<T> =>
  (await import(pathToFileURL(join(ROOT, 'fleet-server', 'dist', path)).href)) as T;
