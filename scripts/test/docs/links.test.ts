/** The documents at the root and under docs/: links lead somewhere, and decisions are numbered and whole. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT });
const decisions = documents.filter((path) => path.startsWith('docs/decisions/')).toSorted();
const textOf = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

test.each(documents)('links of %s', (path) => {
  const links = [...textOf(path).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
  const relative = links.filter((link) => !/^(https?|mailto):/.test(link));
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
  expect(relative.filter((link) => !existsSync(`${ROOT}${folder}${link}`))).toEqual([]);
});

test.each(decisions)('%s has context, decision and consequences under its own number', (path) => {
  const number = Number(/\/(\d{4})-/.exec(path)?.[1]);
  const text = textOf(path);
  expect(text).toMatch(new RegExp(`^# ${number}\\. `));
  for (const part of ['Context', 'Decision', 'Consequences']) expect(text).toContain(`**${part}.**`);
});

test('no two decisions share a number', () => {
  const numbers = decisions.map((path) => path.slice('docs/decisions/'.length, 'docs/decisions/0000'.length));
  expect(numbers).toEqual([...new Set(numbers)]);
});
