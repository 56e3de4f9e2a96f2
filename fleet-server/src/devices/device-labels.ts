/** Labels of devices: changing them, and choosing devices by them. */
import type { Labels } from '@shoal/protocol';

/** Labels on one device at most. */
export const LABELS_PER_DEVICE = 64;

/** `null` removes a label (RFC 7396); labels that are not named stay. */
export const patchLabels = (labels: Labels, patch: Readonly<Record<string, string | null>>): Labels => {
  const kept = Object.entries(labels).filter(([key]) => !Object.hasOwn(patch, key));
  const set = Object.entries(patch).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries([...kept, ...set]);
};

export interface LabelTerm {
  readonly key: string;
  /** Absent: the label must be there, whatever its value. */
  readonly value: string | undefined;
}

/** `site=north,line`: every term must hold. @returns undefined when a term has no key */
export const parseLabelFilter = (filter: string): readonly LabelTerm[] | undefined => {
  const terms = filter.split(',').map((term) => {
    const equals = term.indexOf('=');
    if (equals < 0) return { key: term.trim(), value: undefined };
    return { key: term.slice(0, equals).trim(), value: term.slice(equals + 1) };
  });
  return terms.every((term) => term.key !== '') ? terms : undefined;
};

export const matchesLabels = (labels: Labels, terms: readonly LabelTerm[]): boolean =>
  terms.every(({ key, value }) => Object.hasOwn(labels, key) && (value === undefined || labels[key] === value));
