/**
 * The head of a plain request: a strict subset of RFC 9112 that every parser reads alike. Pure. What is not in it is no fault: it is
 * for Node's parser, which judges it.
 */

export interface PlainHead {
  /** As sent: a path and perhaps a query, of unreserved characters alone. */
  readonly url: string;
  /** By name in lower case, as `IncomingMessage.headers` has them; no name came twice. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyBytes: number;
  /** With the empty line that ends it. */
  readonly headBytes: number;
}

/** `partial`: may become plain when more has come. `other`: never. */
export type HeadReading = PlainHead | 'partial' | 'other';

/** Half of what Node takes: whatever is plain here is not too large there. */
export const MAX_HEAD_BYTES = 8_192;

const START = 'POST /';
const METHOD_CHARS = 5;
const VERSION = ' HTTP/1.1';
const URL = /^\/[\w./~-]*(?:\?[\w./~=&-]*)?$/;
/** A token of letters, digits and dashes; visible ASCII with spaces and tabs inside. No folded lines: a line that begins with space is none. */
const FIELD = /([A-Za-z0-9-]+):[ \t]*([\t\x20-\x7e]*)\r\n/y;
/** What decides where a message ends, or what becomes of the connection. */
const FOR_NODE: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'expect',
  'upgrade',
  'proxy-connection',
  'trailer',
  'http2-settings',
]);
const LENGTH = /^(?:0|[1-9]\d{0,8})$/;
const TAB = 0x09;
const SPACE = 0x20;

const trimmed = (value: string): string => {
  const last = value.charCodeAt(value.length - 1);
  return last === SPACE || last === TAB ? value.trimEnd() : value;
};

const isForNode = (name: string, value: string): boolean =>
  name === 'connection' ? value.toLowerCase() !== 'keep-alive' : FOR_NODE.has(name);

/** `text`: a character for each byte, from the beginning of a request; no more than `MAX_HEAD_BYTES` of it are looked at. */
export const readPlainHead = (text: string): HeadReading => {
  if (!text.startsWith(START)) return START.startsWith(text) ? 'partial' : 'other';
  const unfinished = text.length < MAX_HEAD_BYTES ? 'partial' : 'other';
  const lineEnd = text.indexOf('\r\n');
  if (lineEnd === -1) return unfinished;
  const urlEnd = lineEnd - VERSION.length;
  const url = text.slice(METHOD_CHARS, urlEnd);
  if (!text.startsWith(VERSION, urlEnd) || !URL.test(url)) return 'other';
  const headers: Record<string, string> = {};
  let at = lineEnd + 2;
  while (!text.startsWith('\r\n', at)) {
    FIELD.lastIndex = at;
    const field = FIELD.exec(text);
    if (field === null) return text.includes('\r\n', at) ? 'other' : unfinished;
    const name = (field[1] as string).toLowerCase();
    const value = trimmed(field[2] as string);
    if (headers[name] !== undefined || isForNode(name, value)) return 'other';
    headers[name] = value;
    at = FIELD.lastIndex;
  }
  const length = headers['content-length'];
  if ((headers['host'] ?? '') === '' || length === undefined || !LENGTH.test(length)) return 'other';
  return { url, headers, bodyBytes: Number(length), headBytes: at + 2 };
};
