/**
 * `npm run bench -- NAME [--quick] [--json] [--seed S]`, or `all`. Talk and table on stderr; the last line of stdout is one JSON object.
 * Exits 1 on a fault of correctness, 2 on wrong usage, never for speed.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = dirname(fileURLToPath(import.meta.url));
const BENCHES = join(HERE, 'dist', 'bench');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    seed: { type: 'string' },
    data: { type: 'string' },
  },
});
const log = (line) => process.stderr.write(`${line}\n`);

/** A bench is a file of this folder that exports `bench`; helpers export none. */
const load = async (file) => {
  const module = await import(pathToFileURL(join(BENCHES, file)).href);
  return module.bench;
};

/** What `all` runs. */
const EVERYDAY = ['ingest', 'kill', 'async', 'connections', 'features', 'streams', 'edge'];
/** By name only: they load the machine past what it can do, and say nothing beside other work. */
const ALONE = [
  'hostile',
  'serving',
  'overload',
  'fallback',
  'backlog',
  'batch',
  'batch-kill',
  'transfer',
  'ota-crash',
  'rollout',
];
const isBuilt = (name) => existsSync(join(BENCHES, `${name}.js`));
const names = [...EVERYDAY, ...ALONE].filter(isBuilt);
const wanted = positionals[0];
const chosen = wanted === 'all' ? EVERYDAY.filter(isBuilt) : names.filter((name) => name === wanted);
if (chosen.length === 0) {
  log(`usage: npm run bench -- NAME [--quick] [--json] [--seed S]\nbenches: all, ${names.join(', ')}`);
  process.exit(2);
}
const { table } = await import(pathToFileURL(join(BENCHES, 'harness.js')).href);

const results = {};
let faults = 0;
for (const name of chosen) {
  const bench = await load(`${name}.js`);
  log(`\n== ${name}: ${bench.about}${values.quick ? ' (quick)' : ''}`);
  const isCi = process.env.CI === 'true';
  const result = await bench.run({ quick: values.quick, isCi, seed: values.seed, data: values.data, log });
  log(table(result.figures));
  for (const fault of result.faults) log(`FAULT ${fault}`);
  faults += result.faults.length;
  results[name] = { ...result.figures, faults: result.faults };
}
process.stdout.write(`${JSON.stringify(chosen.length === 1 ? results[chosen[0]] : results)}\n`);
process.exit(faults === 0 ? 0 : 1);
