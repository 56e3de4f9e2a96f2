/** The versions of one model with their labels, and which of them a request means: pure, every change gives a new state. */
import { ModelError } from '../errors.ts';
import type { AvailableVersion } from './version-policy.ts';

/** The states of Triton's model repository extension. */
export type VersionState = 'LOADING' | 'READY' | 'UNLOADING' | 'UNAVAILABLE';

export interface ServedVersion extends AvailableVersion {
  readonly state: VersionState;
  /** Why it is not READY; empty otherwise. */
  readonly reason: string;
}

export interface ModelVersions {
  readonly model: string;
  /** By version. */
  readonly versions: ReadonlyMap<string, ServedVersion>;
  /** Version by label, e.g. `stable`, `canary`. */
  readonly labels: ReadonlyMap<string, string>;
}

export const noVersions = (model: string): ModelVersions => ({ model, versions: new Map(), labels: new Map() });

/** Adds it, or replaces what is known of it. */
export const withVersion = (state: ModelVersions, version: ServedVersion): ModelVersions => ({
  ...state,
  versions: new Map(state.versions).set(version.version, version),
});

/** Throws VERSION_LABELED while a label points to it: move the label first. */
export const withoutVersion = (state: ModelVersions, version: string): ModelVersions => {
  for (const [label, labeled] of state.labels)
    if (labeled === version)
      throw new ModelError('VERSION_LABELED', `${state.model} ${version} carries the label ${label}; move it first`);
  const versions = new Map(state.versions);
  versions.delete(version);
  return { ...state, versions };
};

export interface LabelMove {
  readonly label: string;
  /** Where it points now, as the mover believes; null for nowhere. */
  readonly from: string | null;
  /** Null takes the label away. */
  readonly to: string | null;
}

/**
 * Compare and set. Throws LABEL_CONFLICT when the label is not where the mover believes, VERSION_UNKNOWN, or VERSION_NOT_READY: a label
 * never points to what cannot answer.
 */
export const moveLabel = (state: ModelVersions, { label, from, to }: LabelMove): ModelVersions => {
  const current = state.labels.get(label) ?? null;
  if (current !== from)
    throw new ModelError(
      'LABEL_CONFLICT',
      `${label} of ${state.model} points to ${current ?? 'nothing'}, not to ${from ?? 'nothing'}; read it again`,
    );
  const labels = new Map(state.labels);
  if (to === null) labels.delete(label);
  else labels.set(label, ready(state, known(state, to)).version);
  return { ...state, labels };
};

/** A version, a label, or neither for the newest that is READY. */
export interface VersionSelector {
  readonly version?: string | undefined;
  readonly label?: string | undefined;
}

/** Throws VERSION_UNKNOWN for a version or label that is not there or that disagree, VERSION_NOT_READY for one that cannot answer. */
export const resolveVersion = (state: ModelVersions, { version, label }: VersionSelector): ServedVersion => {
  if (label !== undefined) {
    const labeled = state.labels.get(label);
    if (labeled === undefined || (version !== undefined && version !== labeled))
      throw new ModelError('VERSION_UNKNOWN', `${state.model} has no such version with the label ${label}`);
    return ready(state, known(state, labeled));
  }
  if (version !== undefined) return ready(state, known(state, version));
  const newestFirst = [...state.versions.values()].toSorted((a, b) => b.releaseCounter - a.releaseCounter);
  const newest = newestFirst.find((one) => one.state === 'READY') ?? newestFirst[0];
  if (newest === undefined) throw new ModelError('VERSION_UNKNOWN', `${state.model} has no version`);
  return ready(state, newest);
};

const known = (state: ModelVersions, version: string): ServedVersion => {
  const found = state.versions.get(version);
  if (found === undefined) throw new ModelError('VERSION_UNKNOWN', `${state.model} has no version ${version}`);
  return found;
};

const ready = ({ model }: ModelVersions, found: ServedVersion): ServedVersion => {
  if (found.state === 'READY') return found;
  throw new ModelError('VERSION_NOT_READY', `${model} ${found.version} is ${found.state}: ${found.reason}`);
};
