/** The table of routes is complete in itself: what a path names is declared, and what is declared is used. */
import { expect, test } from '@jest/globals';
import { OPERATIONS, TAGS } from '../src/index.ts';

test('ids and routes are unique', () => {
  const ids = OPERATIONS.map(({ id }) => id);
  const routes = OPERATIONS.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(routes).size).toBe(routes.length);
});

test.each(OPERATIONS)('$method $path declares its parameters and its problems', (operation) => {
  const inPath = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  expect(Object.keys(operation.params?.shape ?? {})).toEqual(inPath);
  expect(Object.keys(TAGS)).toContain(operation.tag);
  const statuses = Object.keys(operation.responses).map(Number);
  const good = statuses.filter((status) => status < 400);
  // What may take its time is there at once, or is accepted; what is read again may be as it was.
  expect(good.length === 1 || ['200,202', '200,206', '200,304', '200,202,304'].includes(String(good))).toBe(true);
  const always = operation.path.startsWith('/api/') ? [400, 401, 403, 500] : [];
  expect(statuses).toEqual(expect.arrayContaining([...always, ...(inPath.length > 0 ? [404] : [])]));
  expect(statuses.includes(413) && statuses.includes(415)).toBe(operation.body !== undefined);
  expect(operation.body === undefined).toBe(!['post', 'put', 'patch'].includes(operation.method));
});

test('what creates takes an Idempotency-Key, what edits takes If-Match, what lists or exports streams csv and ndjson', () => {
  // What others have defined is as they have defined it.
  for (const { method, headers, query, responses, isRead = false } of OPERATIONS.filter(
    ({ tag }) => tag !== 'inference' && tag !== 'ddi',
  )) {
    const names = Object.keys(headers?.shape ?? {});
    expect(names.includes('Idempotency-Key')).toBe(method === 'post' && !isRead);
    expect(names.includes('If-Match')).toBe(['put', 'patch', 'delete'].includes(method));
    const paged = Object.keys(query?.shape ?? {}).includes('cursor');
    const content = responses[200]?.content ?? {};
    // An export has no pages: it is one stream of everything.
    const exported = 'application/vnd.apache.parquet' in content;
    expect('text/csv' in content).toBe(paged || exported);
  }
});
