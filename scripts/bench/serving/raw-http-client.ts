/** One HTTP/1.1 connection that costs next to nothing: requests are bytes made beforehand, an answer is searched for its length alone. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Null when the connection broke before the answer. */
type Answered = (answer: RawAnswer | null) => void;

const HEAD_END = '\r\n\r\n';
const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CLOSES = /^HTTP\/1\.0|\r\nconnection: *close/i;

export class RawHttpClient {
  readonly #port: number;
  #socket: Socket | undefined;
  #answered: Answered | undefined;
  #received = '';

  constructor(port: number) {
    this.#port = port;
  }

  /** One at a time. A connection that the server has closed is opened again. */
  send(request: Buffer, answered: Answered): void {
    this.#socket ??= this.#open();
    this.#answered = answered;
    this.#received = '';
    this.#socket.write(request);
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
      this.#settle(null);
    });
    return socket;
  }

  /** A body without a length ends with the connection. */
  #take(chunk: string, isEnd: boolean): void {
    this.#received += chunk;
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = this.#received.slice(0, headEnd);
    const bodyAt = headEnd + HEAD_END.length;
    const length = LENGTH.exec(head)?.[1];
    if (length === undefined ? !isEnd : this.#received.length - bodyAt < Number(length)) return;
    if (CLOSES.test(head)) this.#drop();
    this.#settle({ status: Number(head.slice(9, 12)), head, body: this.#received.slice(bodyAt) });
  }

  #settle(answer: RawAnswer | null): void {
    const answered = this.#answered;
    this.#answered = undefined;
    answered?.(answer);
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
