/**
 * `npm run pack:agent [-- --arch x64|arm64|all] [--out DIR] [--level 1-9]`: the device agent with Node and its dependencies, one archive
 * per machine. Sizes on stderr; the last line of stdout is one JSON object.
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { packAgent } from './dist/pack/pack-agent.js';
import { TARGETS } from './dist/pack/target.js';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: 'all' },
    out: { type: 'string', default: join(ROOT, 'dist-pack') },
    level: { type: 'string', default: '9' },
  },
});
const log = (line) => process.stderr.write(`${line}\n`);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

const targets = TARGETS.filter((target) => values.arch === 'all' || target === values.arch);
if (targets.length === 0) {
  log(`usage: npm run pack:agent [-- --arch all|${TARGETS.join('|')}] [--out DIR] [--level 1-9]`);
  process.exit(2);
}
const packed = {};
for (const target of targets) {
  const { file, sizeBytes, parts } = await packAgent({
    target,
    outDir: resolve(values.out),
    level: Number(values.level),
  });
  const unpacked = parts.reduce((sum, [, bytes]) => sum + bytes, 0);
  log(`${file}\n  ${megabytes(sizeBytes)} packed, ${megabytes(unpacked)} unpacked`);
  for (const [part, bytes] of parts.filter(([, size]) => size >= 100_000))
    log(`  ${part.padEnd(24)} ${megabytes(bytes)}`);
  packed[target] = { file, packed_mb: sizeBytes / 1e6, unpacked_mb: unpacked / 1e6 };
}
process.stdout.write(`${JSON.stringify(packed)}\n`);
