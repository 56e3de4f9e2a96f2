/** Decodes the arguments of a traced call: strings in hex, descriptors with what they stand for. */

/** `\x41\x42` → bytes; what is not escaped is taken as it is. The tracer escapes all of a string or nothing. */
const bytesOf = (printed: string): Buffer =>
  printed.startsWith('\\x') ? Buffer.from(printed.replaceAll('\\x', ''), 'hex') : Buffer.from(printed, 'latin1');

/** Quotes inside strings are escaped too, so they only ever stand around one. */
const quoted = (text: string): Buffer[] =>
  text
    .split('"')
    .filter((_, index) => index % 2 === 1)
    .map(bytesOf);

export const pathArguments = (text: string): string[] => quoted(text).map((bytes) => bytes.toString('utf8'));

/** What a write call was given: the one buffer, or all parts of a vector joined. */
export const dataOf = (text: string): Buffer => Buffer.concat(quoted(text));

/** Numbers at the end of the argument list, in their order. */
export const trailingNumbers = (text: string): number[] => {
  const [tail] = /(?:, -?\d+)+$/.exec(text.slice(-64)) ?? [''];
  return tail.split(', ').slice(1).map(Number);
};

export interface Descriptor {
  readonly number: number;
  /** A path, or something like `TCP:[127.0.0.1:1883->127.0.0.1:40000]`. */
  readonly target: string;
}

const DESCRIPTOR = /(\d+)<((?:->|[^>])*)>/;

/** The first descriptor among the arguments that the tracer could name. */
export const descriptorOf = (text: string): Descriptor | undefined => {
  const [, number, target] = DESCRIPTOR.exec(text.slice(0, 8_192)) ?? [];
  return target === undefined ? undefined : { number: Number(number), target: bytesOf(target).toString('utf8') };
};

export interface SocketEnds {
  readonly localPort: number;
  readonly remotePort: number;
}

/** The two ports of a connected TCP socket; undefined for anything else. */
export const socketEnds = (target: string): SocketEnds | undefined => {
  const [, local, remote] = /^TCP(?:v6)?:\[.*:(\d+)->.*:(\d+)\]$/.exec(target) ?? [];
  return local === undefined ? undefined : { localPort: Number(local), remotePort: Number(remote) };
};
