/** A definition from a JSON file or standard input, checked before it is sent, and put where its name says. */
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import type { CommandContext } from './command-context.ts';
import { CliError, cliError } from './errors.ts';

const FAULTS_SHOWN = 10;

/** `file` `-` is standard input. @throws CliError USAGE_INVALID with what is wrong, by path */
export const readDefinition = async <T>(
  context: CommandContext,
  file: string,
  { schema, what }: { readonly schema: z.ZodType<T>; readonly what: string },
): Promise<T> => {
  const text = file === '-' ? await context.readInput() : await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) throw cliError('USAGE_INVALID', `${file} cannot be read.`);
  const parsed = schema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues
    .slice(0, FAULTS_SHOWN)
    .map((issue) => `${issue.path.join('.') || what}: ${issue.message}`);
  throw cliError('USAGE_INVALID', `${file} is no ${what}: ${faults.join('; ')}.`);
};

/** Replaces it, or makes it when the server answers that there is none. */
export const putDefinition = async <T>(
  { api }: CommandContext,
  body: { readonly name: string },
  where: { readonly collection: string; readonly missing: string; readonly answer: z.ZodType<T> },
): Promise<T> => {
  const { collection, missing, answer } = where;
  const path = `${collection}/${body.name}`;
  return api.call({ method: 'PUT', path, body, answer }).catch((error: unknown) => {
    if (!(error instanceof CliError) || error.code !== missing) throw error;
    return api.call({ method: 'POST', path: collection, body, answer });
  });
};

export const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
