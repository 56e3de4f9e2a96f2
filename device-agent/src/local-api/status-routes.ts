/** What the local API answers: health for probes, status for people and programs, the context for what runs beside the agent. */

/** The agent as this part sees it. */
export interface LocalViews {
  readonly health: () => { readonly state: 'ok' | 'degraded'; readonly reasons: readonly unknown[] };
  readonly status: () => object;
  readonly context: () => object;
}

export interface LocalAnswer {
  readonly status: number;
  readonly body: object;
}

/** A degraded agent is alive: probes that restart it would only make it worse, so health is 200 either way. */
export const answerLocal = (method: string, path: string, views: LocalViews): LocalAnswer => {
  if (method !== 'GET' && method !== 'HEAD') return problem(405, 'Only GET is answered here.');
  switch (path) {
    case '/health':
      return { status: 200, body: views.health() };
    case '/status':
      return { status: 200, body: views.status() };
    case '/context':
      return { status: 200, body: views.context() };
    default:
      return problem(404, 'The local API has /health, /status and /context.');
  }
};

const problem = (status: number, detail: string): LocalAnswer => ({ status, body: { status, detail } });
