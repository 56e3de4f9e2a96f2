/** Argument parsers of `shoal feature`. */
import { entityIdSchema, viewNameSchema } from '@shoal/protocol';
import { InvalidArgumentError } from 'commander';

export const viewName = (text: string): string => {
  if (viewNameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A view name is 1-63 characters of a-z, 0-9 and "-".');
};
export const entityId = (text: string): string => {
  if (entityIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('An entity id is 1-128 characters of A-Z, a-z, 0-9 and "._@+-".');
};
/** Milliseconds, or an instant of ISO 8601. */
export const instant = (text: string): number => {
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isSafeInteger(at)) return at;
  throw new InvalidArgumentError('Give milliseconds, or an instant such as 2026-11-26T12:00:00Z.');
};
