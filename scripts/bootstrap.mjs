/**
 * The first command after a clone: installs what the lock file names, moves to Node 24 when the machine has an older one,
 * builds what is stale, then runs the script it is given. Plain JavaScript that Node 20 understands; nothing but the npm
 * registry is asked.
 *
 *   node scripts/bootstrap.mjs [SCRIPT [ARGS...]]
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** tuf-js 6 asks for 24.15; everything else would run from 22.12. */
const NEEDED = [24, 15];
const LOCK = join(ROOT, 'package-lock.json');
const INSTALLED_MARK = join(ROOT, 'node_modules', '.shoal-installed');
const OWN_NODE = join(ROOT, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

const say = (line) => process.stderr.write(`shoal: ${line}\n`);

const fail = (line, code = 1) => {
  say(line);
  process.exit(code);
};

const lockHash = () => createHash('sha256').update(readFileSync(LOCK)).digest('hex');

const installed = () => existsSync(INSTALLED_MARK) && readFileSync(INSTALLED_MARK, 'utf8') === lockHash();

const install = () => {
  say('installing dependencies (once per change of package-lock.json; about half a minute) …');
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const run = spawnSync(command, [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  });
  if (run.status !== 0) {
    fail(
      'npm ci failed (its output is above). Check that the npm registry can be reached, then run the same command again.',
    );
  }
  writeFileSync(INSTALLED_MARK, lockHash());
};

const isNewEnough = (version) => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
};

/** Runs Node and becomes it: same terminal, same signals, same exit code. */
const become = (node, args) => {
  const child = spawn(node, args, { stdio: 'inherit', cwd: process.cwd() });
  // The terminal sends Ctrl-C to the whole group; a signal sent to this process alone is passed on.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`cannot run ${node}: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
};

const build = () => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const run = spawnSync(process.execPath, [tsc, '-b'], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (run.status !== 0) fail('the build failed; the compiler says why above.');
};

const [script, ...scriptArguments] = process.argv.slice(2);
if (!installed()) install();
if (!isNewEnough(process.versions.node)) {
  if (!existsSync(OWN_NODE)) {
    fail(
      `Node ${process.versions.node} is older than ${NEEDED.join('.')} and ${OWN_NODE} is missing; run "npm ci" again.`,
    );
  }
  become(OWN_NODE, process.argv.slice(1));
} else {
  build();
  if (script !== undefined) {
    become(process.execPath, ['--disable-warning=ExperimentalWarning', resolve(ROOT, script), ...scriptArguments]);
  }
}
