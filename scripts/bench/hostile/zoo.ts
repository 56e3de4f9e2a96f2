/** The hostile models of the tests of `models`, as bundles in a folder: their sources run as they are, so that there is one zoo. */
import { execFileSync } from 'node:child_process';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** From `scripts/bench/hostile`, or the same below `scripts/dist`. */
const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = HERE.slice(0, HERE.lastIndexOf(`${sep}scripts${sep}`));

const zooSchema = z.array(
  z.object({ name: z.string(), stage: z.enum(['gate', 'probation', 'later', 'never']), folder: z.string() }),
);
export type ZooModel = z.infer<typeof zooSchema>[number];

/** The tame model that every agent has, and those on the other engines. */
export const GOOD = 'good';
export const TAME = [GOOD, 'good-wasm', 'good-tfjs'] as const;

export const writeZoo = (folder: string): ZooModel[] => {
  const program = join(ROOT, 'models', 'test', 'write-hostile-bundles.ts');
  const flags = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
  const printed = execFileSync(process.execPath, [...flags, program, folder], { encoding: 'utf8' });
  return zooSchema.parse(JSON.parse(printed));
};
