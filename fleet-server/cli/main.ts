#!/usr/bin/env node
/** The `shoal` program. */
import { text } from 'node:stream/consumers';
import { processEnvironment } from './config.ts';
import { runShoal } from './program.ts';

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
// `shoal … | head` closes the pipe when it has enough.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}

process.exitCode = await runShoal(process.argv.slice(2), {
  environment: processEnvironment(),
  stdout: process.stdout,
  stderr: process.stderr,
  readInput: () => text(process.stdin),
  signal: stop.signal,
  now: () => Date.now(),
});
