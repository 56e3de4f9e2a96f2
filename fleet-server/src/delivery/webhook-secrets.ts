/**
 * The secrets that sign webhooks: one file per name, one secret a line, `whsec_…` and what is known of it. Whoever runs the
 * server may put files there; those it makes itself look the same.
 */
import { randomBytes, createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { webhookSecretNameSchema, type WebhookSecret } from '@shoal/protocol';
import { FleetError } from '../errors.ts';

const SECRET_BYTES = 32;
const LINE = /^(?<secret>whsec_[A-Za-z0-9+/=]{16,128})(?: until=(?<until>\d+))?(?: made-by=(?<madeBy>[0-9a-f]{64}))?$/;

interface SecretLine {
  readonly secret: string;
  /** It signs before this; null: for ever. */
  readonly until: number | null;
  /** Hash of the Idempotency-Key that made it. */
  readonly madeBy: string | null;
}

interface SecretFile {
  readonly lines: readonly SecretLine[];
  readonly changedAt: number;
}

const parseLine = (text: string): SecretLine | undefined => {
  const groups = LINE.exec(text.trim())?.groups;
  if (groups?.['secret'] === undefined) return undefined;
  const { secret, until, madeBy } = groups;
  return { secret, until: until === undefined ? null : Number(until), madeBy: madeBy ?? null };
};

const lineText = ({ secret, until, madeBy }: SecretLine): string =>
  `${secret}${until === null ? '' : ` until=${until}`}${madeBy === null ? '' : ` made-by=${madeBy}`}`;

const newSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;
const isMissing = (error: unknown): boolean => (error as { code?: unknown }).code === 'ENOENT';
const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

export class WebhookSecrets {
  private readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }

  /** What signs now, newest first. @throws FleetError WEBHOOK_SECRET_NOT_FOUND | WEBHOOK_SECRET_UNREADABLE */
  async signing(name: string, now: number): Promise<readonly string[]> {
    const { lines } = await this.read(name);
    return lines.filter(({ until }) => until === null || until > now).map(({ secret }) => secret);
  }

  /** By name. @throws FleetError WEBHOOK_SECRET_UNREADABLE */
  async list(now: number): Promise<WebhookSecret[]> {
    const files = await readdir(this.folder).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw unreadable(this.folder, error);
    });
    const names = files.filter((file) => webhookSecretNameSchema.safeParse(file).success).toSorted();
    const shown: WebhookSecret[] = [];
    for (const name of names) shown.push(describe(name, await this.read(name), now));
    return shown;
  }

  /** @throws FleetError WEBHOOK_SECRET_NOT_FOUND | WEBHOOK_SECRET_UNREADABLE */
  async show(name: string, now: number): Promise<WebhookSecret> {
    return describe(name, await this.read(name), now);
  }

  /** The same key again is answered with the same secret. @throws FleetError WEBHOOK_SECRET_EXISTS */
  async create(name: string, idempotencyKey?: string): Promise<string> {
    const madeBy = idempotencyKey === undefined ? null : hashOf(idempotencyKey);
    const before = await this.find(name);
    const first = before?.lines[0];
    if (first !== undefined && madeBy !== null && first.madeBy === madeBy) return first.secret;
    if (before !== undefined) {
      throw new FleetError('WEBHOOK_SECRET_EXISTS', `Webhook secret "${name}" is there already; replace it with PUT.`);
    }
    const line = { secret: newSecret(), until: null, madeBy };
    await this.write(name, [line]);
    return line.secret;
  }

  /** What signed until now signs on beside it until `oldUntil`. @throws FleetError WEBHOOK_SECRET_NOT_FOUND */
  async rotate(name: string, oldUntil: number): Promise<string> {
    const { lines } = await this.read(name);
    const old = lines.slice(0, 1).map(({ secret }) => ({ secret, until: oldUntil, madeBy: null }));
    const line = { secret: newSecret(), until: null, madeBy: null };
    await this.write(name, [line, ...old]);
    return line.secret;
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true });
  }

  private async read(name: string): Promise<SecretFile> {
    const file = await this.find(name);
    if (file !== undefined) return file;
    throw new FleetError(
      'WEBHOOK_SECRET_NOT_FOUND',
      `No webhook secret "${name}". Make it with POST /api/webhook-secrets, or put its file into ${this.folder}.`,
    );
  }

  private async find(name: string): Promise<SecretFile | undefined> {
    const file = join(this.folder, name);
    try {
      const text = await readFile(file, 'utf8');
      const lines = text.split('\n').flatMap((line) => parseLine(line) ?? []);
      if (lines.length === 0) throw new Error('it holds no line whsec_…');
      return { lines, changedAt: Math.trunc((await stat(file)).mtimeMs) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw unreadable(file, error);
    }
  }

  /** All of it or nothing, readable for the server alone. */
  private async write(name: string, lines: readonly SecretLine[]): Promise<void> {
    const file = join(this.folder, name);
    const draft = join(this.folder, `.${name}.new`);
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      const handle = await open(draft, 'w', 0o600);
      try {
        await handle.writeFile(`${lines.map(lineText).join('\n')}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(draft, file);
    } catch (error) {
      throw unreadable(file, error);
    }
  }
}

const describe = (name: string, { lines, changedAt }: SecretFile, now: number): WebhookSecret => ({
  name,
  signatures: Math.max(1, lines.filter(({ until }) => until === null || until > now).length),
  revision: changedAt,
  changedAt,
});

const unreadable = (file: string, cause: unknown): FleetError => {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FleetError('WEBHOOK_SECRET_UNREADABLE', `The webhook secret ${file} cannot be used (${why}).`, { cause });
};
