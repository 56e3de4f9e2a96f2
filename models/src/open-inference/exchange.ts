/** One request and its answer, free of any HTTP library: what a transport fills in and sends. */
import type { CallerSignal } from '../engine/inference-engine.port.ts';

export interface OpenInferenceRequest {
  /** In upper case. */
  readonly method: string;
  /** Without query, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
  /** Aborts when the caller has left. */
  readonly signal?: CallerSignal;
  /** When it came, by `performance.now()`: deadlines count from there. From now on where it is not known. */
  readonly arrivedAt?: number;
}

export interface OpenInferenceAnswer {
  readonly status: number;
  /** By name in lower case; the transport adds the content length. */
  readonly headers: Readonly<Record<string, string>>;
  /** Text leaves as UTF-8. */
  readonly body: Uint8Array | string;
}

export const JSON_TYPE = 'application/json';

export const jsonAnswer = (
  value: object,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): OpenInferenceAnswer => ({
  status,
  headers: { 'content-type': JSON_TYPE, ...headers },
  body: JSON.stringify(value),
});

/** What goes over the wire. */
export const bytesOf = ({ body }: Pick<OpenInferenceAnswer, 'body'>): Buffer =>
  typeof body === 'string' ? Buffer.from(body, 'utf8') : Buffer.from(body.buffer, body.byteOffset, body.byteLength);

/** The value of a header that may come once. */
export const headerOf = ({ headers }: OpenInferenceRequest, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.join(', ');
};
