/** Which installed packages a workspace needs at run time, read from the lock file: pure. */

/** An entry of `packages` in a package-lock.json of version 3, as far as it is read here. */
export interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly link?: boolean;
  /** Of a link: the folder of the workspace. */
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
export type LockPackages = Readonly<Record<string, LockEntry>>;

export interface PackagePlace {
  readonly name: string;
  readonly version: string;
  /** SPDX expression; empty when the package does not say. */
  readonly license: string;
  /** Where it lies, relative to the root of the repository. */
  readonly from: string;
  /** Where it is found by those who import it, relative to the root of the packed application. */
  readonly to: string;
}

const NODE_MODULES = 'node_modules/';

/** The folders in which Node looks for a package imported from `from`, nearest first. */
const lookups = (from: string): string[] => {
  const places = [`${from}/${NODE_MODULES}`];
  for (let at = from.lastIndexOf(NODE_MODULES); at >= 0; at = at === 0 ? -1 : from.lastIndexOf(NODE_MODULES, at - 1))
    places.push(from.slice(0, at + NODE_MODULES.length));
  return [...new Set([...places, NODE_MODULES])];
};

/**
 * Everything that `workspace` reaches through its dependencies, without what `isLeftOut` names and without what only that
 * needs; each where Node will find it. Throws when a dependency is not in the lock file.
 */
export const packageClosure = (
  lock: LockPackages,
  workspace: string,
  isLeftOut: (name: string, neededBy: string) => boolean,
): PackagePlace[] => {
  const found = new Map<string, PackagePlace>();
  const folderOf = new Map<string, string>();
  const visit = (key: string, name: string): void => {
    const entry = lock[key];
    if (entry === undefined || found.has(key)) return;
    const from = entry.link === true ? (entry.resolved ?? key) : key;
    const owner = lock[from] ?? entry;
    folderOf.set(from, key);
    const { version = '', license = '' } = owner;
    found.set(key, { name, version, license, from, to: placed(key, folderOf) });
    for (const dependency of Object.keys({ ...owner.dependencies, ...owner.optionalDependencies })) {
      if (isLeftOut(dependency, name)) continue;
      const place = lookups(from).find((folder) => lock[folder + dependency] !== undefined);
      if (place !== undefined) visit(place + dependency, dependency);
      else if (owner.optionalDependencies?.[dependency] === undefined)
        throw new Error(`${name} needs ${dependency}, which package-lock.json does not have; run "npm install".`);
    }
  };
  visit(`${NODE_MODULES}${workspace}`, workspace);
  return [...found.values()].toSorted((a, b) => (a.to < b.to ? -1 : 1));
};

/** A package inside a workspace's own node_modules moves with the workspace. */
const placed = (key: string, folderOf: ReadonlyMap<string, string>): string => {
  if (key.startsWith(NODE_MODULES)) return key;
  const at = key.indexOf(`/${NODE_MODULES}`);
  return `${folderOf.get(key.slice(0, at)) ?? key.slice(0, at)}${key.slice(at)}`;
};
