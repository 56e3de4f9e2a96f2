/** `shoal-agent updates`: what is under way, and "not now": hold updates for a while, and let them go on. */
import type { UpdateHold, UpdateReport } from '@shoal/protocol/wire';
import { AgentError, sentenceOf } from '../errors.ts';

const TIMEOUT_MS = 5_000;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export interface UpdatesView {
  readonly hold: UpdateHold | null;
  readonly models: Readonly<Record<string, UpdateReport>>;
}

/** As 90s, 30m, 2h or 1d. Throws UPDATE_HOLD_INVALID. */
export const durationMs = (text: string): number => {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit] ?? Number.NaN);
  if (ms > 0) return ms;
  throw new AgentError('UPDATE_HOLD_INVALID', `"${text}" is no duration; write 90s, 30m, 2h or 1d.`);
};

interface Ask {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: object;
}

/** Throws AGENT_UNREACHABLE, and what the agent refuses by its own code. */
const ask = async <T>(localUrl: string, { method, path, body }: Ask): Promise<T> => {
  const answer = await fetch(new URL(path, localUrl), {
    method,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((cause: unknown) => {
    throw unreachable(localUrl, cause);
  });
  const said = (await answer.json().catch(() => ({}))) as T & { code?: string; detail?: string };
  if (answer.ok) return said;
  if (said.code === 'UPDATE_HOLD_INVALID' || said.code === 'STATE_FILE_WRITE_FAILED')
    throw new AgentError(said.code, said.detail ?? said.code);
  throw unreachable(localUrl, new Error(`HTTP ${answer.status}`));
};

const unreachable = (localUrl: string, cause: unknown): AgentError =>
  new AgentError(
    'AGENT_UNREACHABLE',
    `No agent answers at ${localUrl} (${sentenceOf(cause)}); start it, or check localApi.`,
    {
      cause,
    },
  );

export const fetchUpdates = (localUrl: string): Promise<UpdatesView> =>
  ask(localUrl, { method: 'GET', path: '/updates' });

/** Without a length for an hour. */
export const holdUpdates = async (
  localUrl: string,
  wish: { readonly forMs?: number; readonly reason?: string },
): Promise<UpdateHold> =>
  (await ask<{ hold: UpdateHold }>(localUrl, { method: 'PUT', path: '/updates/hold', body: wish })).hold;

export const releaseUpdates = async (localUrl: string): Promise<void> => {
  await ask(localUrl, { method: 'DELETE', path: '/updates/hold' });
};

export const describeHold = (hold: UpdateHold | null): string => {
  if (hold === null) return 'updates go on';
  const why = hold.reason === undefined ? '' : `: ${hold.reason}`;
  return `updates are held until ${new Date(hold.until).toISOString()}${why}`;
};

const describeModel = ([name, report]: [string, UpdateReport]): string => {
  const { version, state, progress, cause } = report;
  const share = progress === undefined ? '' : ` (${Math.floor((100 * progress.doneBytes) / progress.totalBytes)} %)`;
  const why = cause === undefined ? '' : `, ${cause.code}: ${cause.message}`;
  return `model    ${name} ${version}: ${state}${share}${why}`;
};

/** A few lines for people. */
export const describeUpdates = ({ hold, models }: UpdatesView): string => {
  const rows = Object.entries(models).map(describeModel);
  return [describeHold(hold), ...(rows.length === 0 ? ['no model was ever updated'] : rows)].join('\n');
};
