/** Reads what Linux tells of devices in small files: one value a file, a folder a device. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError, sentenceOf } from '../errors.ts';

/** The text without its line end; null when there is no such file or it cannot be read now. */
export const readText = async (path: string): Promise<string | null> => {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return null;
  }
};

/** Null when it cannot be read or is no finite number. IIO may write a second word after the first. */
export const readNumber = async (path: string): Promise<number | null> => {
  const text = (await readText(path))?.split(/\s/)[0] ?? '';
  const value = Number(text);
  return text !== '' && Number.isFinite(value) ? value : null;
};

export const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** By number, so that device 10 comes after device 9. */
const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

/** Names in a folder; an empty list when it cannot be listed. */
export const namesIn = async (folder: string): Promise<string[]> =>
  readdir(folder).then(
    (names) => names.sort(byNumber),
    () => [],
  );

const notFound = (what: string, why: string): AgentError =>
  new AgentError('SENSOR_DEVICE_NOT_FOUND', `There is no device ${what}: ${why}. It is looked for again.`);

/**
 * The folder of a device, given by its folder's name or by what its name file says. Throws SENSOR_DEVICE_NOT_FOUND, also
 * for a name that two devices share: which of them is first may change with every start.
 */
export const findDevice = async (root: string, device: string): Promise<string> => {
  let folders: string[];
  try {
    folders = (await readdir(root)).sort(byNumber);
  } catch (cause) {
    throw notFound(device, sentenceOf(cause));
  }
  if (folders.includes(device)) return join(root, device);
  const named = await Promise.all(
    folders.map(async (folder) => ({ folder, name: await readText(join(root, folder, 'name')) })),
  );
  const found = named.filter(({ name }) => name === device);
  if (found.length === 1) return join(root, found[0]?.folder ?? '');
  const shared = found.map(({ folder }) => folder).join(', ');
  if (found.length > 1) throw notFound(device, `${shared} are all called so; give the folder instead`);
  const known = named.map(({ folder, name }) => `${folder} (${name ?? '?'})`).join(', ');
  throw notFound(device, known === '' ? `${root} has none` : `there are ${known}`);
};
