/** One POST of a webhook: signed, to public addresses only, no redirect followed, bounded in time and in what is read. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { RequestFilteringHttpAgent, RequestFilteringHttpsAgent } from 'request-filtering-agent';
import { Webhook } from 'standardwebhooks';
import type { Fault, Outcome } from './delivery-intent.ts';
import { retryAfterMs } from './retry-plan.ts';

/** Of the answer, before it is cut off; what came by then decides. */
const ANSWER_BYTES = 65_536;
const ANSWER_SHOWN = 1_000;
const GONE = 410;
const MS_PER_SECOND = 1_000;

export interface WebhookMessage {
  readonly id: string;
  readonly url: string;
  readonly body: string;
  /** `whsec_…`; every one signs. */
  readonly secrets: readonly string[];
}

export interface WebhookLimits {
  /** `host` or `host:port` that may be reached by http and at private addresses. */
  readonly allowedHosts: readonly string[];
  readonly timeoutMs: number;
}

/** Signatures of every secret, as in Standard Webhooks: a receiver takes any one that fits. */
export const signatureHeaders = (message: WebhookMessage, now: number): Record<string, string> => ({
  'webhook-id': message.id,
  'webhook-timestamp': String(Math.floor(now / MS_PER_SECOND)),
  'webhook-signature': message.secrets
    .map((secret) => new Webhook(secret).sign(message.id, new Date(now), message.body))
    .join(' '),
});

/** The default port counts as written. */
export const isAllowedHost = (url: URL, allowedHosts: readonly string[]): boolean => {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return allowedHosts.some((allowed) => allowed === url.hostname || allowed === `${url.hostname}:${port}`);
};

const refused = (message: string): Outcome => failed({ code: 'DELIVERY_ADDRESS_REFUSED', message }, { isFinal: true });

const failed = (
  fault: Fault,
  more: { status?: number; answer?: string; isFinal?: boolean; retryAfterMs?: number | null } = {},
): Outcome => {
  const { status = null, answer = null, isFinal = false, retryAfterMs: pause = null } = more;
  return { kind: 'failed', status, answer, fault, isFinal, retryAfterMs: pause };
};

/** Never throws: whatever happens is an outcome. */
export const postWebhook = async (message: WebhookMessage, limits: WebhookLimits, now: number): Promise<Outcome> => {
  const url = new URL(message.url);
  const isAllowed = isAllowedHost(url, limits.allowedHosts);
  if (url.protocol !== 'https:' && !isAllowed) {
    return refused(`${url.host} is not in delivery.allowedHosts, so only https is sent to it.`);
  }
  const signal = AbortSignal.timeout(limits.timeoutMs);
  try {
    return await exchange(message, { url, isAllowed, signal, now });
  } catch (error) {
    if (!signal.aborted) return outcomeOf(error, url.host);
    return failed({ code: 'DELIVERY_TIMED_OUT', message: `${url.host} did not answer within ${limits.timeoutMs} ms.` });
  }
};

interface Exchange {
  readonly url: URL;
  readonly isAllowed: boolean;
  readonly signal: AbortSignal;
  readonly now: number;
}

/** The agent looks at every address after its name was resolved, so that no name leads inside. */
const exchange = async (message: WebhookMessage, { url, isAllowed, signal, now }: Exchange): Promise<Outcome> => {
  const isTls = url.protocol === 'https:';
  const reach = { allowPrivateIPAddress: isAllowed, allowMetaIPAddress: false, keepAlive: false };
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const request = (isTls ? httpsRequest : httpRequest)(
    url,
    {
      method: 'POST',
      agent: isTls ? new RequestFilteringHttpsAgent(reach) : new RequestFilteringHttpAgent(reach),
      signal,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(message.body),
        'user-agent': 'shoal',
        ...signatureHeaders(message, now),
      },
    },
    (response) => {
      readAnswer(response)
        .then((answer) => resolve(judge(response, answer, { host: url.host, now })))
        .catch(reject);
    },
  );
  request.once('error', reject);
  request.end(message.body);
  return promise.finally(() => request.destroy());
};

const readAnswer = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, ANSWER_SHOWN);
};

const judge = (response: IncomingMessage, answer: string, { host, now }: { host: string; now: number }): Outcome => {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return { kind: 'delivered', status, answer };
  if (status === GONE) {
    return failed(
      { code: 'DELIVERY_GONE', message: `${host} answered 410 and wants no more.` },
      { status, answer, isFinal: true },
    );
  }
  const more = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return failed(
    { code: 'DELIVERY_REJECTED', message: `${host} answered ${status}${more}.` },
    { status, answer, retryAfterMs: retryAfterMs(response.headers['retry-after'], now) },
  );
};

const outcomeOf = (error: unknown, host: string): Outcome => {
  const { message } = error as { message: string };
  // The agent has no class of its own for what it refuses.
  if (/ is not allowed\. Because,? It is /.test(message)) {
    return refused(`${host} is at an address that is not public, and not in delivery.allowedHosts.`);
  }
  return failed({ code: 'DELIVERY_UNREACHABLE', message: `${host} cannot be reached (${message}).` });
};
