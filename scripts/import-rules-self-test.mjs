/**
 * Proves that the import rules bite: plants one violation per rule in a scratch tree and expects exactly that rule to
 * report it, then plants the legal edges and expects silence.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise } from 'dependency-cruiser';

const configuration = createRequire(import.meta.url)('../.dependency-cruiser.cjs');

/** Rule, importing file, imported file (or package), and the way back where a cycle is planted. @type {[string, string, string, [string, string]?][]} */
const VIOLATIONS = [
  ['no-cycles', 'protocol/src/a.ts', 'protocol/src/b.ts', ['protocol/src/b.ts', 'protocol/src/a.ts']],
  ['protocol-imports-zod-alone', 'protocol/src/wire.ts', 'pino'],
  ['models-import-only-protocol', 'models/src/engine/x.ts', 'device-agent/src/agent.ts'],
  ['devices-load-the-wire-alone', 'device-agent/src/agent.ts', 'protocol/src/index.ts'],
  ['agent-and-server-never-meet', 'device-agent/src/agent.ts', 'fleet-server/src/config.ts'],
  ['agent-and-server-never-meet', 'fleet-server/src/devices/devices.service.ts', 'device-agent/src/agent.ts'],
  ['simulators-use-only-createAgent', 'simulators/src/fleet.ts', 'device-agent/src/outbox/sqlite-outbox.ts'],
  ['simulators-use-only-createAgent', 'simulators/src/fleet.ts', 'fleet-server/src/config.ts'],
  [
    'agent-parts-meet-at-ports',
    'device-agent/src/windows/window-assembler.ts',
    'device-agent/src/outbox/sqlite-outbox.ts',
  ],
  [
    'adapters-know-no-capability',
    'fleet-server/src/adapters/embedded/bus.ts',
    'fleet-server/src/devices/device-state.ts',
  ],
  ['ports-know-nobody', 'fleet-server/src/ports/clock.ts', 'fleet-server/src/adapters/embedded/bus.ts'],
  [
    'only-the-root-picks-adapters',
    'fleet-server/src/devices/devices.service.ts',
    'fleet-server/src/adapters/embedded/bus.ts',
  ],
  ['stores-are-private', 'fleet-server/src/twins/twins.service.ts', 'fleet-server/src/devices/devices.store.ts'],
  ['domain-files-know-no-framework', 'fleet-server/src/devices/device-state.ts', 'kysely'],
  ['the-cli-speaks-rest', 'fleet-server/cli/main.ts', 'fleet-server/src/config.ts'],
  ['devices-is-upstream', 'fleet-server/src/devices/devices.service.ts', 'fleet-server/src/twins/twin.ts'],
  ['ingest-is-upstream', 'fleet-server/src/ingest/ingest.service.ts', 'fleet-server/src/dashboard/overview.ts'],
  ['onnxruntime-node-has-one-home', 'models/src/engine/child/supervisor.ts', 'onnxruntime-node'],
  ['onnxruntime-web-has-one-home', 'fleet-server/src/inference/inference.service.ts', 'onnxruntime-web'],
  ['aedes-has-one-home', 'fleet-server/src/ingest/ingest.service.ts', 'aedes'],
  ['mqtt-has-one-home', 'device-agent/src/twin/twin-synchronizer.ts', 'mqtt'],
  ['better-sqlite3-has-one-home', 'fleet-server/src/devices/devices.store.ts', 'better-sqlite3'],
];

const LEGAL = [
  ['protocol/src/wire.ts', 'zod'],
  ['models/src/index.ts', 'protocol/src/wire.ts'],
  ['device-agent/src/agent.ts', 'device-agent/src/outbox/sqlite-outbox.ts'],
  ['device-agent/src/windows/window-assembler.ts', 'device-agent/src/outbox/outbox.port.ts'],
  ['device-agent/src/uplink/mqtt-link.ts', 'mqtt'],
  ['fleet-server/src/app.module.ts', 'fleet-server/src/adapters/embedded/bus.ts'],
  ['fleet-server/src/dashboard/overview.ts', 'fleet-server/src/devices/device-state.ts'],
  ['fleet-server/src/devices/devices.store.ts', 'kysely'],
  ['simulators/src/fleet.ts', 'device-agent/src/agent.ts'],
];

const PACKAGES = ['zod', 'pino', 'kysely', 'aedes', 'mqtt', 'better-sqlite3', 'onnxruntime-node', 'onnxruntime-web'];

const root = mkdtempSync(join(tmpdir(), 'shoal-import-rules-'));
const write = (path, text) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

const specifier = (from, to) =>
  PACKAGES.includes(to) ? to : `${'../'.repeat(from.split('/').length - 1)}${to}`.replace(/^(?!\.)/, './');

const plant = (edges) => {
  rmSync(root, { recursive: true, force: true });
  for (const name of PACKAGES) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`node_modules/${name}/index.js`, 'module.exports = {};\n');
  }
  for (const [, to] of edges) if (!PACKAGES.includes(to)) write(to, 'export {};\n');
  for (const [from, to] of edges) write(from, `import '${specifier(from, to)}';\n`);
};

const violations = async () => {
  const folders = ['protocol', 'models', 'device-agent', 'fleet-server', 'simulators'];
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  const result = await cruise(folders, {
    ...configuration.options,
    baseDir: root,
    ruleSet: { forbidden: configuration.forbidden },
    validate: true,
  });
  return result.output.summary.violations.map(
    (violation) => `${violation.rule.name}: ${violation.from} → ${violation.to}`,
  );
};

const faults = [];
const previous = process.cwd();
try {
  for (const [rule, from, to, back] of VIOLATIONS) {
    plant(back === undefined ? [[from, to]] : [[from, to], back]);
    process.chdir(root);
    const found = await violations();
    process.chdir(previous);
    if (!found.some((line) => line.startsWith(`${rule}: `))) {
      faults.push(`planted ${from} → ${to}: expected ${rule}, got ${found.join('; ') || 'silence'}`);
    }
  }
  plant(LEGAL);
  process.chdir(root);
  for (const line of await violations()) faults.push(`a legal edge was refused: ${line}`);
} finally {
  process.chdir(previous);
  rmSync(root, { recursive: true, force: true });
}
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.stdout.write(`${VIOLATIONS.length} planted violations, ${LEGAL.length} legal edges, ${faults.length} faults\n`);
process.exit(faults.length === 0 ? 0 : 1);
