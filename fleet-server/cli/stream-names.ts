/** Argument parsers of `shoal stream`. */
import { streamNameSchema } from '@shoal/protocol';
import { InvalidArgumentError } from 'commander';

export const streamName = (text: string): string => {
  if (streamNameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A stream name is 1-63 characters of a-z, 0-9 and "-".');
};
