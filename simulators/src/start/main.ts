/** The process behind `npm start`: signals in, exit code out. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from './start.ts';
import { Terminal } from './terminal.ts';

const BROKEN_OFF = 130;

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(BROKEN_OFF);
    stopping.abort();
  });
}

/** The repository, from `simulators/dist/start/` as from `simulators/src/start/`. */
const rootFolder = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

process.exitCode = await start(process.argv.slice(2), {
  terminal: new Terminal(process.stdout, process.stderr),
  environment: process.env,
  rootFolder,
  signal: stopping.signal,
});
