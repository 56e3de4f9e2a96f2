/** A disk whose power can fail: what was not synced is gone then, or half there, names of files as well as their content. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { nodeDisk } from '@shoal/device-agent/ota/node-disk';
import type { UpdateDisk } from '@shoal/device-agent/ota/update-disk.port';

interface FileNode {
  /** As of its last sync; null for never. */
  synced: Uint8Array | null;
}
interface FolderNode {
  readonly entries: Map<string, Node>;
  synced: Map<string, Node>;
}
type Node = FileNode | FolderNode;

const isFolder = (node: Node): node is FolderNode => 'entries' in node;
const newFolder = (): FolderNode => ({ entries: new Map(), synced: new Map() });

/** Everything that lies in `root` at the beginning counts as synced. */
export class LosingDisk {
  readonly #root: string;
  readonly #tree = newFolder();
  /** In [0, 1): how the disk chooses what of the unsynced it kept. */
  readonly #random: () => number;

  constructor(root: string, random: () => number) {
    this.#root = root;
    this.#random = random;
  }

  async start(): Promise<void> {
    await this.#adopt(this.#tree, this.#root);
  }

  disk(): UpdateDisk {
    return {
      ...nodeDisk,
      makeFolder: async (path) => {
        await nodeDisk.makeFolder(path);
        this.#folder(path, 'durable');
      },
      write: async (path, bytes) => {
        await nodeDisk.write(path, bytes);
        this.#file(path);
      },
      writeAt: async (path, offset, bytes) => {
        await nodeDisk.writeAt(path, offset, bytes);
        this.#file(path);
      },
      sync: async (path) => {
        const node = this.#node(path);
        if (node === undefined) throw new Error(`${path} was never written`);
        if (isFolder(node)) node.synced = new Map(node.entries);
        else node.synced = await readFile(path);
      },
      rename: async (from, to) => {
        await nodeDisk.rename(from, to);
        const node = this.#node(from);
        if (node === undefined) return;
        this.#folder(dirname(from)).entries.delete(basename(from));
        this.#folder(dirname(to)).entries.set(basename(to), node);
      },
      // Synced by itself, as its contract says.
      unpack: async (archive, folder) => {
        await nodeDisk.unpack(archive, folder);
        const node = newFolder();
        await this.#adopt(node, folder);
        const parent = this.#folder(dirname(folder));
        parent.entries.set(basename(folder), node);
        parent.synced = new Map(parent.entries);
      },
      remove: async (path) => {
        await nodeDisk.remove(path);
        this.#folder(dirname(path)).entries.delete(basename(path));
      },
    };
  }

  /** The power fails: the folder holds then what a disk may hold. */
  async fail(): Promise<void> {
    const kept = await this.#keep(this.#tree, this.#root);
    await rm(this.#root, { recursive: true, force: true });
    await mkdir(this.#root, { recursive: true });
    for (const [path, bytes] of kept) {
      if (bytes === null) await mkdir(path, { recursive: true });
      else await writeFile(path, bytes);
    }
  }

  /** Files by path, folders as null and before what is in them. A name that is not synced is there or not; content that is not synced is there, torn or not there. */
  async #keep(folder: FolderNode, path: string): Promise<[string, Uint8Array | null][]> {
    const kept: [string, Uint8Array | null][] = [[path, null]];
    const names = new Map(folder.synced);
    for (const [name, node] of folder.entries) if (!names.has(name) && this.#random() < 0.5) names.set(name, node);
    for (const [name, node] of names) {
      const at = join(path, name);
      if (isFolder(node)) kept.push(...(await this.#keep(node, at)));
      else kept.push([at, await this.#content(node, at)]);
    }
    return kept;
  }

  async #content({ synced }: FileNode, path: string): Promise<Uint8Array> {
    const choice = this.#random();
    const lost = synced ?? new Uint8Array();
    if (choice < 0.5) return lost;
    const now = await readFile(path).catch(() => lost);
    return choice < 0.75
      ? now
      : Buffer.concat([now.subarray(0, now.byteLength >> 1), lost.subarray(now.byteLength >> 1)]);
  }

  async #adopt(folder: FolderNode, path: string): Promise<void> {
    for (const name of await nodeDisk.list(path)) {
      const at = join(path, name);
      const isFile =
        (await nodeDisk.list(at).then((names) => names.length === 0)) && (await readFile(at).catch(() => null));
      const node: Node = isFile instanceof Uint8Array ? { synced: isFile } : newFolder();
      if (isFolder(node)) await this.#adopt(node, at);
      folder.entries.set(name, node);
    }
    folder.synced = new Map(folder.entries);
  }

  #parts(path: string): string[] {
    return relative(this.#root, path).split(sep).filter(Boolean);
  }

  #node(path: string): Node | undefined {
    let node: Node | undefined = this.#tree;
    for (const part of this.#parts(path))
      node = node !== undefined && isFolder(node) ? node.entries.get(part) : undefined;
    return node;
  }

  #folder(path: string, durability: 'durable' | 'volatile' = 'volatile'): FolderNode {
    let folder = this.#tree;
    for (const part of this.#parts(path)) {
      const known = folder.entries.get(part);
      const next = known !== undefined && isFolder(known) ? known : newFolder();
      if (next !== known) folder.entries.set(part, next);
      if (durability === 'durable') folder.synced.set(part, next);
      folder = next;
    }
    return folder;
  }

  #file(path: string): void {
    const { entries } = this.#folder(dirname(path));
    if (!entries.has(basename(path))) entries.set(basename(path), { synced: null });
  }
}
