import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ADAPTERS = fileURLToPath(new URL('../../../src/adapters/embedded/', import.meta.url));
const THREADS = globSync('sqlite-*/{reader,writer}-thread.ts', { cwd: ADAPTERS });

/** Says which modules a process loads to run the entry, which does nothing outside of a thread. */
const LISTING = `
  import { registerHooks } from 'node:module';
  const urls = [];
  registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context); } });
  await import(process.argv[1]);
  console.log(JSON.stringify(urls));
`;

const modulesOf = (entry: string): string[] => {
  const args = ['--conditions=source', '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', LISTING];
  const { stdout, stderr } = spawnSync(process.execPath, [...args, ADAPTERS + entry], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as string[];
};

describe('the threads of the stores', () => {
  it('are there', () => expect(THREADS.length).toBeGreaterThanOrEqual(10));

  it.each(THREADS)('%s loads no schema, which would weigh in every one of them', (entry) => {
    const loaded = modulesOf(entry);
    expect(loaded.some((url) => url.includes('better-sqlite3'))).toBe(true);
    expect(loaded.filter((url) => /\/zod\/|\/(?:protocol|models)\/src\/index\.ts$/.test(url))).toEqual([]);
  });
});
