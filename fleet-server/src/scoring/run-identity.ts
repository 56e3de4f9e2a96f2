/** The name of a run: of what decides its scores, so that the same again is the same run. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@shoal/models';

const ID_DIGITS = 20;

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** `digest` of the model's manifest, `asOf` in milliseconds. */
export const runIdOf = (decides: { job: string; digest: string; asOf: number; input: string }): string =>
  `r-${sha256(canonicalJson(decides)).slice(0, ID_DIGITS)}`;

/** `digest` of the model's manifest; `instants` ascending. */
export const backfillIdOf = (decides: { definition: object; digest: string; instants: readonly number[] }): string =>
  `b-${sha256(canonicalJson(decides)).slice(0, ID_DIGITS)}`;

/** Names a list of entities; ascending. */
export const listName = (entities: readonly string[]): string => `devices:${sha256(entities.join('\n'))}`;
