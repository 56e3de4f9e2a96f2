/** Bundles on this side of the wire: looked into, packed, and sent as a stream. */
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { modelReleaseSchema, type ModelRelease } from '@shoal/protocol';
import type { CommandContext } from './command-context.ts';
import { cliError } from './errors.ts';
import { tableOf } from './table.ts';

/** A bundle may be long, and looking into it takes the server a while. */
const PUSH_TIMEOUT_MS = 120_000;

/** Most commands do without it, and it takes a moment to load. */
const trust = () => import('@shoal/models/trust');

/** Every fault of a folder on stdout. @throws CliError BUNDLE_FAULTY */
export const verifyFolder = async ({ terminal, json }: CommandContext, folder: string): Promise<void> => {
  const { checkBundle } = await trust();
  const { faults, manifest } = await checkBundle(folder);
  if (json) terminal.json({ faults, name: manifest?.name ?? null, version: manifest?.version ?? null });
  else if (faults.length > 0) {
    const rows = faults.map(({ code, path, message }) => [code, path, message]);
    terminal.data(tableOf(terminal, ['FAULT', 'WHERE', 'WHAT'], rows));
  }
  if (faults.length > 0) throw cliError('BUNDLE_FAULTY', `${folder} has ${faults.length} faults; correct them first.`);
};

/** Of a folder its archive, of a file what it holds. */
const contentOf = async (context: CommandContext, path: string): Promise<Readable> => {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw cliError('USAGE_INVALID', `${path} cannot be read.`);
  if (!stats.isDirectory()) return createReadStream(path);
  await verifyFolder({ ...context, json: false }, path);
  return (await trust()).packBundle(path);
};

export const pack = async (context: CommandContext, folder: string, file: string): Promise<void> => {
  await pipeline(await contentOf(context, folder), createWriteStream(file));
  context.terminal.talk(`${folder} is packed into ${file}.`);
};

export const push = async (context: CommandContext, path: string): Promise<ModelRelease> => {
  const content = await contentOf(context, path);
  return context.api.call({
    method: 'POST',
    path: '/api/models',
    stream: { type: 'application/x-tar', content },
    timeoutMs: PUSH_TIMEOUT_MS,
    answer: modelReleaseSchema,
  });
};
