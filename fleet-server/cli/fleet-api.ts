/** The HTTP API as the commands use it: checked answers, problems as errors with an exit code, pages one after the other. */
import { Readable } from 'node:stream';
import { problemSchema, type Page, type Problem } from '@shoal/protocol';
import { z } from 'zod';
import { CliError, cliError, EXIT, type ExitCode } from './errors.ts';

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Call<T> {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  /** In place of `body`, sent as it is. */
  readonly raw?: { readonly type: string; readonly text: string };
  /** In place of `body`, as it comes. */
  readonly stream?: { readonly type: string; readonly content: Readable };
  /** Instead of the patience that all calls share, where that is shorter. */
  readonly timeoutMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the answer must be; `z.undefined()` for none. */
  readonly answer: z.ZodType<T>;
}

const PAGE_LIMIT = 1_000;

const exitCodeOf = ({ status, code }: Problem): ExitCode => {
  if (code === 'ROUTE_NOT_FOUND' || status >= 500) return EXIT.failed;
  if (status === 404) return EXIT.notFound;
  if (status === 400) return EXIT.usage;
  return status === 408 ? EXIT.timeout : EXIT.refused;
};

const parse = (text: string): unknown => {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
};

const isTimeout = (error: unknown): boolean => (error as { name?: unknown }).name === 'TimeoutError';

/** The system's own word for why a connection failed, for example `connect ECONNREFUSED 127.0.0.1:8080`. */
const reasonOf = (error: unknown): string => {
  const { cause, message } = error as { cause?: { message?: string; code?: string }; message: string };
  return cause?.message || cause?.code || message;
};

export class FleetApi {
  private readonly server: string;
  private readonly timeoutMs: number;
  constructor(server: string, timeoutMs: number) {
    this.server = server;
    this.timeoutMs = timeoutMs;
  }

  /**
   * Fields that this version does not know are kept, so that `--json` prints what the server said.
   * @throws CliError with the server's code, or SERVER_UNREACHABLE | ANSWER_TIMED_OUT | ANSWER_INVALID
   */
  async call<T>(call: Call<T>): Promise<T> {
    const url = this.urlOf(call);
    const { response, text } = await this.fetch(url, call);
    const value = parse(text);
    if (!response.ok) throw this.refusal(url, response.status, value);
    const checked = call.answer.safeParse(value);
    if (checked.success) return value as T;
    const [issue] = checked.error.issues;
    throw cliError(
      'ANSWER_INVALID',
      `${url.href} answered something else: ${issue?.path.join('.')} ${issue?.message}.`,
    );
  }

  /** A document that is no JSON. @throws as `call` */
  async text(path: string): Promise<string> {
    const call = { path, answer: z.string() };
    const url = this.urlOf(call);
    const { response, text } = await this.fetch(url, call);
    if (!response.ok) throw this.refusal(url, response.status, parse(text));
    return text;
  }

  /** Items of a list until there are `limit`, or no more. */
  async list<T>(call: Call<Page<T>>, limit: number): Promise<{ readonly items: T[]; readonly more: boolean }> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const query: Query = {
        ...call.query,
        limit: Math.min(PAGE_LIMIT, limit - items.length),
        cursor: cursor ?? undefined,
      };
      const page: Page<T> = await this.call({ ...call, query });
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null && items.length < limit);
    return { items, more: cursor !== null };
  }

  private urlOf({ path, query = {} }: Call<unknown>): URL {
    const url = new URL(`${this.server.replace(/\/$/, '')}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  private async fetch(url: URL, call: Call<unknown>): Promise<{ response: Response; text: string }> {
    const { method = 'GET', body, raw, stream, headers = {} } = call;
    const patienceMs = Math.max(this.timeoutMs, call.timeoutMs ?? 0);
    try {
      const response = await fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(raw !== undefined && { 'content-type': raw.type }),
          ...(stream !== undefined && { 'content-type': stream.type }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(raw !== undefined && { body: raw.text }),
        ...(stream !== undefined && { body: Readable.toWeb(stream.content), duplex: 'half' as const }),
        redirect: 'error',
        signal: AbortSignal.timeout(patienceMs),
      });
      return { response, text: await response.text() };
    } catch (cause) {
      throw isTimeout(cause)
        ? cliError('ANSWER_TIMED_OUT', `${url.origin} did not answer within ${patienceMs} ms.`, { cause })
        : cliError(
            'SERVER_UNREACHABLE',
            `No fleet server at ${url.origin} (${reasonOf(cause)}). Start it with "npm start", or name it with --server.`,
            { cause },
          );
    }
  }

  private refusal(url: URL, status: number, value: unknown): CliError {
    const problem = problemSchema.safeParse(value);
    if (problem.success) return new CliError(problem.data.code, exitCodeOf(problem.data), problem.data.detail);
    return cliError(
      'ANSWER_INVALID',
      `${url.href} answered ${status} without a problem document; is it a fleet server?`,
    );
  }
}
