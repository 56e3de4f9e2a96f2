/**
 * Decides whether an HTTP request can come from a page of somebody else: a browser lets any site post to loopback, and
 * DNS rebinding lets it read the answers. Until people have credentials the machine is the only proof of who is calling.
 */

/** Codes that server and agent both answer with. */
export type ForeignRequestCode = 'HOST_FORBIDDEN' | 'ORIGIN_FORBIDDEN';

export interface RequestOrigin {
  readonly method: string;
  /** `Host` as sent; absent only in HTTP/1.0, which no browser speaks. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** `Sec-Fetch-Site` (Fetch Metadata), sent by browsers only. */
  readonly fetchSite: string | undefined;
}

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i;
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** @returns why the request is refused, or undefined */
export const foreignRequest = ({ method, host, origin, fetchSite }: RequestOrigin): ForeignRequestCode | undefined => {
  if (host !== undefined && !LOOPBACK_HOST.test(host)) return 'HOST_FORBIDDEN';
  if (SAFE_METHODS.has(method)) return undefined;
  if (origin !== undefined) return isOwnOrigin(origin, host) ? undefined : 'ORIGIN_FORBIDDEN';
  return fetchSite === 'cross-site' || fetchSite === 'same-site' ? 'ORIGIN_FORBIDDEN' : undefined;
};

/** `null` (sandboxed frames, files) is nobody's origin. */
const isOwnOrigin = (origin: string, host: string | undefined): boolean =>
  host !== undefined && origin.toLowerCase() === `http://${host.toLowerCase()}`;
