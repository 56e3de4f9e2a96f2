/**
 * `npm run eval -- NAME [--quick] [--json] [--data DIR]`. Talk and table on stderr; the last line of stdout is one JSON object.
 * Exits 1 on a fault, 2 on wrong usage.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = dirname(fileURLToPath(import.meta.url));
const EVALS = join(HERE, 'dist', 'eval');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    data: { type: 'string' },
  },
});
const log = (line) => process.stderr.write(`${line}\n`);

const names = ['onnx', 'skab'].filter((name) => existsSync(join(EVALS, `${name}.js`)));
const [name] = positionals;
if (!names.includes(name)) {
  log(`usage: npm run eval -- NAME [--quick] [--json] [--data DIR]\nevals: ${names.join(', ')}`);
  process.exit(2);
}
const { table } = await import(pathToFileURL(join(HERE, 'dist', 'bench', 'harness.js')).href);
const { evaluation } = await import(pathToFileURL(join(EVALS, `${name}.js`)).href);

log(`== ${name}: ${evaluation.about}${values.quick ? ' (quick)' : ''}`);
const isCi = process.env.CI === 'true';
const { figures, faults } = await evaluation.run({ quick: values.quick, isCi, data: values.data, log });
log(table(figures));
for (const fault of faults) log(`FAULT ${fault}`);
process.stdout.write(`${JSON.stringify({ ...figures, faults: faults.length })}\n`);
process.exit(faults.length === 0 ? 0 : 1);
