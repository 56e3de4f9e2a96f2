/** What the local API shows of the agent: health for probes, status for people and programs, the context for what runs beside it. */

import type { ListedExample } from './example-list.ts';

/** The agent as this part sees it. */
export interface LocalViews {
  readonly health: () => { readonly state: 'ok' | 'degraded'; readonly reasons: readonly unknown[] };
  readonly status: () => object;
  readonly context: () => object;
  readonly models: () => object;
  readonly outbox: () => object;
  /** What is updated, and who holds it; absent where nothing ever is. */
  readonly updates?: () => object;
  /** What this device and its fleet judged differently. */
  readonly hardExamples?: () => Promise<readonly ListedExample[]>;
  /** Checks of this device; absent where there are none. */
  readonly doctor?: () => Promise<object>;
}

export interface LocalAnswer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export const problem = (
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): LocalAnswer => ({ status, body: { status, detail }, headers });

/** A degraded agent is alive: probes that restart it would only make it worse, so health is 200 either way. */
const VIEWS: Readonly<Record<string, (views: LocalViews) => object | Promise<object> | undefined>> = {
  '/health': (views) => views.health(),
  '/status': (views) => views.status(),
  '/context': (views) => views.context(),
  '/models': (views) => views.models(),
  '/outbox': (views) => views.outbox(),
  '/updates': (views) => views.updates?.(),
  '/doctor': (views) => views.doctor?.(),
};

export const READ_METHODS = 'GET, HEAD, OPTIONS';

export const answerLocal = async (method: string, path: string, views: LocalViews): Promise<LocalAnswer> => {
  const view = Object.hasOwn(VIEWS, path) ? VIEWS[path] : undefined;
  if (view === undefined)
    return problem(
      404,
      `The local API has ${Object.keys(VIEWS).join(', ')}, /updates/hold, /hard-examples, /readings, /predictions, /predict and /v2.`,
    );
  if (method === 'OPTIONS') return { status: 204, body: {}, headers: { allow: READ_METHODS } };
  if (method !== 'GET' && method !== 'HEAD') return problem(405, 'Only GET is answered here.', { allow: READ_METHODS });
  const body = await view(views);
  return body === undefined ? problem(404, 'This agent has nothing of the kind.') : { status: 200, body };
};
