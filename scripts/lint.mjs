/** `npm run lint`: types of the tests, code rules, import rules (with their self-test), unused code. Stops at nothing; exits 1 if any fails. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PACKAGES = ['protocol', 'models', 'device-agent', 'fleet-server', 'simulators'];
const tool = (path) => join(ROOT, 'node_modules', path);

const steps = [
  ...[...PACKAGES, 'scripts']
    .filter((name) => existsSync(join(ROOT, name, 'test', 'tsconfig.json')))
    .map((name) => [`types of ${name}/test`, tool('typescript/bin/tsc'), '-p', `${name}/test`]),
  ['code rules', tool('oxlint/bin/oxlint'), '--type-aware', '--deny-warnings', '.'],
  [
    'import rules',
    tool('dependency-cruiser/bin/dependency-cruiser.mjs'),
    '--config',
    '.dependency-cruiser.cjs',
    ...PACKAGES,
  ],
  ['self-test of the import rules', join(ROOT, 'scripts/import-rules-self-test.mjs')],
  ['unused code', tool('knip/bin/knip.js')],
  ['format', tool('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '.'],
];

let failures = 0;
for (const [name, ...command] of steps) {
  const run = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });
  const ok = run.status === 0;
  process.stderr.write(`${ok ? 'ok  ' : 'FAIL'} ${name}\n`);
  if (!ok) {
    failures += 1;
    process.stderr.write(`${run.stdout ?? ''}${run.stderr ?? ''}\n`);
  }
}
process.exit(failures === 0 ? 0 : 1);
