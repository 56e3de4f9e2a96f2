/** The command and whoever starts the server without it give node the same flags. */
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

it('shoal-server starts node with the flags of package.json', () => {
  const { config } = JSON.parse(read('package.json')) as { readonly config: { readonly nodeFlags: string } };
  const [shebang] = read('bin/shoal-server.mjs').split('\n');
  expect(config.nodeFlags).toMatch(/^--max-semi-space-size=\d+ --single-threaded-gc$/);
  expect(shebang).toBe(`#!/usr/bin/env -S node ${config.nodeFlags}`);
});
