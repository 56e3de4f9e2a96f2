/** Every schema of the package: its examples are valid, and its bounds are stated once. */
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import * as protocol from '../src/index.ts';

const schemas = Object.entries(protocol).flatMap(([name, value]: [string, unknown]): [string, z.ZodType][] =>
  value instanceof z.ZodType ? [[name, value]] : [],
);
const withExamples = schemas.filter(([, schema]) => protocol.examplesOf(schema).length > 0);

test('there are schemas with examples to check', () => {
  expect(withExamples.length).toBeGreaterThan(30);
});

test.each(withExamples)('the examples of %s validate', (_, schema) => {
  for (const example of protocol.examplesOf(schema))
    expect({ example: schema.parse(example) }).toMatchObject({ example });
});

test('a schema id names one schema', () => {
  const ids = schemas.map(([, schema]) => schema.meta()?.id).filter((id) => id !== undefined);
  expect(ids).toEqual([...new Set(ids)]);
});

test('every error code reads as a constant and says what it means', () => {
  for (const [code, description] of Object.entries(protocol.PROTOCOL_ERRORS)) {
    expect(code).toMatch(/^[A-Z][A-Z0-9_]+$/);
    expect(description).toMatch(/\.$/);
  }
});
