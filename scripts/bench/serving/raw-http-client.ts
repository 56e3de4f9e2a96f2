/** One HTTP/1.1 connection that costs next to nothing: requests are bytes made beforehand, of an answer only status and length are read. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Of the head, in lower case. */
  readonly head: string;
  readonly body: string;
}

const HEAD_END = '\r\n\r\n';

/** `close`: the server ends the body with its connection. */
const lengthIn = (head: string): number | 'close' => {
  const match = /\r\ncontent-length: *(\d+)/.exec(head);
  return match === null ? 'close' : Number(match[1]);
};

export class RawHttpClient {
  readonly #port: number;
  #socket: Socket | undefined;
  #waiting: PromiseWithResolvers<RawAnswer> | undefined;
  #received = '';

  constructor(port: number) {
    this.#port = port;
  }

  /** One at a time. A connection that the server has closed is opened again. Rejects when it breaks before the answer. */
  send(request: Buffer): Promise<RawAnswer> {
    this.#socket ??= this.#open();
    this.#waiting = Promise.withResolvers<RawAnswer>();
    this.#received = '';
    this.#socket.write(request);
    return this.#waiting.promise;
  }

  end(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#take(chunk, false));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#take('', true);
      this.#waiting?.reject(new Error('the connection broke'));
      this.#waiting = undefined;
    });
    return socket;
  }

  #take(chunk: string, isEnd: boolean): void {
    this.#received += chunk;
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd === -1 || this.#waiting === undefined) return;
    const head = this.#received.slice(0, headEnd).toLowerCase();
    const length = lengthIn(head);
    const body = this.#received.slice(headEnd + HEAD_END.length);
    if (length === 'close' ? !isEnd : body.length < length) return;
    if (/\r\nconnection: *close/.test(head) || head.startsWith('http/1.0')) this.#drop();
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve({ status: Number(head.slice(9, 12)), head, body });
  }

  #drop(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

/** As bytes, for any number of sends. */
export const postRequest = (path: string, body: string): Buffer =>
  Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    'latin1',
  );
