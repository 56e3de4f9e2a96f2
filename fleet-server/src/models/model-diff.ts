/** What differs between two manifests: values by path, and files. */
import type { ModelDiff } from '@shoal/protocol';

type Json = ModelDiff['manifest'][number]['before'];
interface ComparedManifest {
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly lengthBytes: number }[];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Lists are compared as one value: an element that was put in would move all that follow. */
const changes = (before: unknown, after: unknown, path: string): ModelDiff['manifest'] => {
  if (isRecord(before) && isRecord(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .toSorted()
      .flatMap((key) => changes(before[key], after[key], path === '' ? key : `${path}.${key}`));
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  return [{ path, before: (before ?? null) as Json, after: (after ?? null) as Json }];
};

const fileChanges = (before: ComparedManifest, after: ComparedManifest): ModelDiff['files'] => {
  const paths = [...new Set([...before.files, ...after.files].map(({ path }) => path))].toSorted();
  return paths.map((path) => {
    const [from, to] = [before, after].map(({ files }) => files.find((file) => file.path === path));
    const known = from === undefined ? 'added' : to === undefined ? 'removed' : undefined;
    return {
      path,
      change: known ?? (from?.sha256 === to?.sha256 ? 'same' : 'changed'),
      beforeBytes: from?.lengthBytes ?? null,
      afterBytes: to?.lengthBytes ?? null,
    };
  });
};

export const diffManifests = (
  before: ComparedManifest,
  after: ComparedManifest,
): Pick<ModelDiff, 'manifest' | 'files'> => {
  const { files: _, ...from } = before;
  const { files: __, ...to } = after;
  return { manifest: changes(from, to, ''), files: fileChanges(before, after) };
};
