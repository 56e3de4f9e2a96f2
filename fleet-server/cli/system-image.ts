/** `shoal system images | upload | rm`: images of operating systems, sent as a stream. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { systemImageIdSchema, systemImageNameSchema, systemImagePageSchema, systemImageSchema } from '@shoal/protocol';
import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { contextOf, type CommandContext, type Surroundings } from './command-context.ts';
import { cliError } from './errors.ts';
import { instantText, whole } from './moments.ts';
import { tableOf } from './table.ts';

/** An image may be long. */
const UPLOAD_TIMEOUT_MS = 600_000;
const SHORT = 12;

const imageId = (text: string): string => {
  if (systemImageIdSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('An image is name@version.');
};
const imageName = (text: string): string => {
  if (systemImageNameSchema.safeParse(text).success) return text;
  throw new InvalidArgumentError('A name is 1-63 characters of a-z, 0-9 and "-".');
};

const list = async (context: CommandContext, options: Record<string, string | number>): Promise<void> => {
  const { api, terminal, json } = context;
  const { name, limit } = options;
  const call = { path: '/api/system/images', query: { name }, answer: systemImagePageSchema };
  const { items, more } = await api.list(call, Number(limit));
  if (json) return terminal.json(items);
  if (items.length === 0) return terminal.talk('No image matches.');
  const rows = items.map(({ image, fileName, lengthBytes, sha256, createdAt }) => [
    image,
    fileName,
    lengthBytes,
    sha256.slice(0, SHORT),
    instantText(createdAt),
  ]);
  terminal.data(tableOf(terminal, ['IMAGE', 'FILE', 'BYTES', 'SHA256', 'UPLOADED'], rows));
  if (more) terminal.talk(`Only the newest ${items.length} are shown; --limit shows more.`);
};

const upload = async (context: CommandContext, image: string, file: string): Promise<void> => {
  const { api, terminal, json } = context;
  const stats = await stat(file).catch(() => undefined);
  if (stats?.isFile() !== true) throw cliError('USAGE_INVALID', `${file} is no file that can be read.`);
  const [name = '', version = ''] = image.split('@');
  const uploaded = await api.call({
    method: 'POST',
    path: '/api/system/images',
    query: { name, version, fileName: basename(file) },
    stream: { type: 'application/octet-stream', content: createReadStream(file) },
    timeoutMs: UPLOAD_TIMEOUT_MS,
    answer: systemImageSchema,
  });
  if (json) terminal.json(uploaded);
  else terminal.talk(`${uploaded.image} is there, ${uploaded.lengthBytes} bytes.`);
};

export const addSystemImages = (system: Command, surroundings: Surroundings): void => {
  system
    .command('images')
    .option('--name <name>', 'of one name', imageName)
    .option('--limit <n>', 'at most so many', whole(1, 1_000_000), 50)
    .description('images, the newest first')
    .action((options: Record<string, string | number>, command: Command) =>
      list(contextOf(surroundings, command), options),
    );
  system
    .command('upload')
    .argument('<image>', 'name@version', imageId)
    .argument('<file>', 'for SWUpdate a .swu file')
    .description('upload an image; the same content again changes nothing')
    .action((image: string, file: string, _: object, command: Command) =>
      upload(contextOf(surroundings, command), image, file),
    );
  system
    .command('rm')
    .argument('<image>', 'name@version', imageId)
    .option('--yes', 'no target can fetch it any more')
    .description('remove an image that no open action needs and no target has installed')
    .action(async (image: string, { yes = false }: { yes?: boolean }, command: Command) => {
      if (!yes) throw cliError('CONFIRMATION_MISSING', `${image} goes for every target; say --yes.`);
      const { api, terminal } = contextOf(surroundings, command);
      await api.call({ method: 'DELETE', path: `/api/system/images/${image}`, answer: z.undefined() });
      terminal.talk(`${image} is removed.`);
    });
};
