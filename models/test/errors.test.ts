import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { isModelError, MODEL_ERRORS, ModelError, type ModelErrorCode } from '@shoal/models';
import { asModelError } from '../src/errors.ts';

const sourcesIn = async (folder: string): Promise<string> => {
  const root = fileURLToPath(new URL(folder, import.meta.url));
  const names = (await readdir(root, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !name.startsWith('errors'),
  );
  return (await Promise.all(names.map((name) => readFile(`${root}/${name}`, 'utf8')))).join('\n');
};

describe('the error catalogue', () => {
  test('has no code that the package does not use, and none without a test', async () => {
    const [sources, tests] = await Promise.all([sourcesIn('../src'), sourcesIn('.')]);
    const codes = Object.keys(MODEL_ERRORS);
    expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
    expect(codes.filter((code) => !tests.includes(`'${code}'`))).toEqual([]);
  });

  test('describes every code with a sentence', () => {
    for (const description of Object.values(MODEL_ERRORS)) expect(description).toMatch(/^[A-Z].+\.$/);
  });

  test('says what may be tried again', () => {
    const retryable = (code: ModelErrorCode) => new ModelError(code, '').retryable;
    expect((['ENGINE_BUSY', 'ENGINE_TIMEOUT', 'INPUT_MISSING', 'INPUT_BREAKS_MODEL'] as const).map(retryable)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('keeps its own errors as they are and wraps others with their cause', () => {
    const own = new ModelError('ENGINE_BUSY', 'full');
    const other = new Error('why');
    expect(asModelError(own, 'ENGINE_CRASHED')).toBe(own);
    expect(asModelError(other, 'ENGINE_CRASHED')).toMatchObject({
      code: 'ENGINE_CRASHED',
      message: 'why',
      cause: other,
    });
    expect(asModelError('text', 'ENGINE_CRASHED').message).toBe('text');
    expect([isModelError(own), isModelError(other)]).toEqual([true, false]);
  });
});
