/** Packs the device agent with Node and everything it needs at run time into one archive that is unpacked and run. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isKept, isLeftOut, REPLACED } from './kept-files.ts';
import { NODE_VERSION, nodeBuild } from './node-build.ts';
import { packageClosure, type LockPackages, type PackagePlace } from './package-closure.ts';
import { writeArchive, type ArchiveEntry } from './tar.ts';
import { isForTarget, type Target } from './target.ts';

/** From `scripts/pack`, or the same below `scripts/dist`. */
const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = HERE.slice(0, HERE.lastIndexOf('/scripts/'));
const AGENT = '@shoal/device-agent';

export interface PackOptions {
  readonly target: Target;
  /** Where the archive goes; made when it is not there. */
  readonly outDir: string;
  /** Of gzip, 1 to 9. */
  readonly level: number;
}

export interface PackedAgent {
  readonly file: string;
  readonly sizeBytes: number;
  /** Bytes unpacked, by what they are for, largest first. */
  readonly parts: readonly (readonly [part: string, sizeBytes: number])[];
}

interface PackedFile extends ArchiveEntry {
  readonly part: string;
  readonly content: Uint8Array;
}

const packedFile = (path: string, content: Uint8Array, part: string, isExecutable = false): PackedFile => ({
  path,
  content,
  part,
  isExecutable,
  read: () => content,
});

/** Relative paths of all files below, but for packages inside packages: those are packed for themselves. */
const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !path.includes('node_modules/'));

const partOf = ({ name }: PackagePlace): string =>
  name.startsWith('@tensorflow/') ? '@tensorflow' : name.startsWith('@shoal/') ? 'shoal' : name;

const contentOf = ({ name, from }: PackagePlace, path: string): Buffer => {
  const replaced = REPLACED[name]?.[path];
  return replaced === undefined ? readFileSync(join(ROOT, from, path)) : Buffer.from(replaced);
};

const packageFiles = (place: PackagePlace, target: Target): PackedFile[] => {
  const folder = join(ROOT, place.from);
  if (!existsSync(folder)) throw new Error(`${place.from} is not installed; run "npm ci".`);
  return filesBelow(folder)
    .filter((path) => isKept(place.name, path, target))
    .map((path) => packedFile(`lib/app/${place.to}/${path}`, contentOf(place, path), partOf(place)));
};

const isLicense = (path: string): boolean => /\/(licen[cs]e|notice|copying)[^/]*$/i.test(path);

/** What every licence asks for: its text with everything it covers. */
const notices = (places: readonly PackagePlace[], files: readonly PackedFile[]): string =>
  places
    .filter(({ name }) => !name.startsWith('@shoal/'))
    .map(({ name, version, license, to }) => {
      const own = files.filter(
        ({ path }) => path.startsWith(`lib/app/${to}/`) && !path.slice(`lib/app/${to}/`.length).includes('/'),
      );
      const texts = own
        .filter(({ path }) => isLicense(path))
        .map(({ content }) => Buffer.from(content).toString('utf8'));
      return [`${name} ${version} (${license || 'licence not stated'})`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`);

const manifestOf = (version: string, target: Target, files: readonly PackedFile[]): Buffer => {
  const listed = files
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, content }) => ({
      path,
      sizeBytes: content.byteLength,
      sha256: createHash('sha256').update(content).digest('hex'),
    }));
  const about = { name: 'shoal-agent', version, platform: `linux-${target}`, node: NODE_VERSION };
  return Buffer.from(`${JSON.stringify({ ...about, files: listed }, null, 1)}\n`);
};

const sizesOf = (files: readonly PackedFile[]): PackedAgent['parts'] => {
  const sizes = new Map<string, number>();
  for (const { part, content } of files) sizes.set(part, (sizes.get(part) ?? 0) + content.byteLength);
  return [...sizes].toSorted(([, a], [, b]) => b - a);
};

/** The same inputs give the same bytes. Throws Error for what is missing, and for native code of another machine. */
export const packAgent = async ({ target, outDir, level }: PackOptions): Promise<PackedAgent> => {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages as LockPackages;
  const places = packageClosure(lock, AGENT, isLeftOut);
  const version = places.find(({ name }) => name === AGENT)?.version ?? '';
  const node = nodeBuild(target, join(ROOT, '.shoal', 'pack'), join(ROOT, 'node_modules', 'node', 'node_modules'));
  const packages = places.flatMap((place) => packageFiles(place, target));
  const files: PackedFile[] = [
    packedFile('bin/shoal-agent', readFileSync(join(ROOT, 'scripts', 'pack', 'launcher.sh')), 'shoal', true),
    packedFile('lib/node', node.binary, 'node', true),
    packedFile('LICENSE', readFileSync(join(ROOT, 'LICENSE')), 'shoal'),
    packedFile('LICENSE.node', node.license, 'node'),
    packedFile('THIRD-PARTY-NOTICES.txt', Buffer.from(notices(places, packages)), 'shoal'),
    ...packages,
  ];
  const foreign = files.filter(({ content }) => !isForTarget(content, target)).map(({ path }) => path);
  if (foreign.length > 0) throw new Error(`Native code of another machine: ${foreign.join(', ')}.`);
  files.push(packedFile('manifest.json', manifestOf(version, target, files), 'shoal'));
  const name = `shoal-agent-${version}-linux-${target}`;
  const file = join(outDir, `${name}.tar.gz`);
  mkdirSync(outDir, { recursive: true });
  await writeArchive(
    file,
    files.map((entry) => ({ ...entry, path: `${name}/${entry.path}` })),
    level,
  );
  return { file, sizeBytes: statSync(file).size, parts: sizesOf(files) };
};
