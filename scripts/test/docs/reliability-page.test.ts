/** docs/reliability.md: every requirement has its row, and every proof it names exists. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

const ROOT = new URL('../../../', import.meta.url);
const page = readFileSync(new URL('docs/reliability.md', ROOT), 'utf8');

interface Row {
  readonly id: string;
  readonly proof: string;
  readonly paths: readonly string[];
}
const rows: readonly Row[] = page
  .split('\n')
  .filter((line) => /^\| R\d+ /.test(line))
  .map((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const [id = '', proof = ''] = [cells[1], cells[4]];
    return { id, proof, paths: [...proof.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path) };
  });

test('R1 to R30, each once and in order', () => {
  expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 30 }, (_, index) => `R${index + 1}`));
});

test.each(rows)('$id is proved by something that exists, or says "not yet"', ({ proof, paths }) => {
  expect(paths.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([]);
  expect(paths.length > 0 || proof === 'not yet').toBe(true);
});

test('a proof is a test or a bench', () => {
  const strangers = rows.flatMap(({ paths }) => paths).filter((path) => !/\.test\.ts$|^scripts\/bench\//.test(path));
  expect(strangers).toEqual([]);
});
