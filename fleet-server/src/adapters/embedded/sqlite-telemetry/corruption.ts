/** Tells damage of a file from every other fault, by SQLite's code. */

export const isCorruptCode = (code: string): boolean => code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';

export const isCorruption = (error: unknown): boolean => {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && isCorruptCode(code);
};
