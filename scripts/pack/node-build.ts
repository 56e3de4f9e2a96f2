/** Node for a target, as the npm registry has it: fetched once by `npm pack`, checked against the digests below. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { readFromArchive } from './tar.ts';
import type { Target } from './target.ts';

export const NODE_VERSION = '24.21.0';

/** `dist.integrity` of `node-linux-<target>@NODE_VERSION`. */
const INTEGRITY: Readonly<Record<Target, string>> = {
  x64: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  arm64: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
};

export interface NodeBuild {
  readonly binary: Uint8Array;
  readonly license: Uint8Array;
}

const download = (target: Target, folder: string): void => {
  mkdirSync(folder, { recursive: true });
  const wanted = `node-linux-${target}@${NODE_VERSION}`;
  // Another folder's .npmrc knows settings that npm would warn of.
  const run = spawnSync('npm', ['pack', wanted, '--silent', '--ignore-scripts', `--pack-destination=${folder}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (run.status !== 0) throw new Error(`"npm pack ${wanted}" failed; check that the npm registry can be reached.`);
};

/** @param cache folder for what was fetched; @param installed where `npm ci` may have put the same package already */
export const nodeBuild = (target: Target, cache: string, installed: string): NodeBuild => {
  const here = join(installed, `node-linux-${target}`);
  const manifest = join(here, 'package.json');
  if (existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === NODE_VERSION)
    return { binary: readFileSync(join(here, 'bin', 'node')), license: readFileSync(join(here, 'LICENSE')) };
  const file = join(cache, `node-linux-${target}-${NODE_VERSION}.tgz`);
  if (!existsSync(file)) download(target, cache);
  const archive = readFileSync(file);
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  if (integrity !== INTEGRITY[target]) {
    renameSync(file, `${file}.refused`);
    throw new Error(`${file} is not what was expected (${integrity}); it is set aside.`);
  }
  const files = readFromArchive(archive, ['package/bin/node', 'package/LICENSE']);
  const [binary, license] = [files.get('package/bin/node'), files.get('package/LICENSE')];
  if (binary === undefined || license === undefined) throw new Error(`${file} holds no Node.`);
  return { binary, license };
};
