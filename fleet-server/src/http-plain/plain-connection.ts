/** One connection while its requests are plain: read whole, answered one after the other; from the first other one on it is Node's. */
import type { Socket } from 'node:net';
import type { AnswerText } from './answer-text.ts';
import { Caller } from './caller.ts';
import type { PlainAnswer, PlainReply, PlainTaker } from './plain-exchange.ts';
import { MAX_HEAD_BYTES, readPlainHead, type HeadReading } from './plain-head.ts';

/** What the connection asks of its server. */
export interface PlainHost {
  readonly taker: PlainTaker;
  readonly text: AnswerText;
  /** Whether the answer to this is the last one. */
  readonly isClosing: boolean;
  /** It ended in the middle of a request. */
  broken(socket: Socket): void;
  /** Bytes that were read are to be read again. */
  toNode(socket: Socket): void;
  forget(connection: PlainConnection): void;
}

export class PlainConnection implements PlainReply {
  readonly #socket: Socket;
  readonly #host: PlainHost;
  readonly #caller = new Caller();
  /** Came and not looked at, from the beginning of a request. */
  #held: Buffer | null = null;
  /** A request is under way. */
  #isBusy = false;
  /** The taker has not returned: what it answers at once is no reason to read on below it. */
  #isTaking = false;
  #hasServed = false;
  #quietLooks = 0;

  constructor(socket: Socket, host: PlainHost) {
    this.#socket = socket;
    this.#host = host;
  }

  start(): void {
    this.#socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose).on('error', ignore);
  }

  /** Nothing came and nothing is under way. */
  get isIdle(): boolean {
    return !this.#isBusy && this.#held === null;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * From time to time. Whoever has sent only part of a request by the second look is Node's, which knows how long it may take; who sends nothing
   * after an answer is let go after `idleLooks`.
   */
  look(idleLooks: number): void {
    this.#quietLooks += 1;
    if (this.#isBusy || this.#quietLooks < 2) return;
    if (this.#held !== null || !this.#hasServed) this.#handOver();
    else if (this.#quietLooks > idleLooks) this.#socket.destroy();
  }

  send(answer: PlainAnswer): void {
    this.#isBusy = false;
    this.#hasServed = true;
    this.#quietLooks = 0;
    if (!this.#socket.writable) return;
    const { text, isClosing } = this.#host;
    this.#socket.write(text.of(answer, isClosing), 'latin1');
    if (isClosing) this.#socket.end();
    else if (this.#socket.writableNeedDrain) this.#waitForReader();
    else this.#goOn();
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#held = this.#held === null ? chunk : Buffer.concat([this.#held, chunk]);
    this.#quietLooks = 0;
    if (!this.#isBusy) this.#read();
    else if (this.#held.length > MAX_HEAD_BYTES + this.#host.taker.maxBodyBytes) this.#socket.pause();
  };

  /** As Node does: who says no more is told no more. */
  readonly #onEnd = (): void => {
    if (this.#isBusy || this.#held === null) this.#socket.end();
    else this.#host.broken(this.#socket);
  };

  readonly #onClose = (): void => {
    this.#host.forget(this);
    if (!this.#isBusy && this.#held !== null && this.#headOf(this.#held) !== 'partial')
      this.#host.taker.noteAbandoned();
    this.#caller.leave();
  };

  /** Until a request is under way, or is not all there. */
  #read(): void {
    while (this.#held !== null && !this.#isBusy) {
      const held = this.#held;
      const head = this.#headOf(held);
      if (head === 'partial') return;
      const { taker } = this.#host;
      if (head === 'other' || head.bodyBytes > taker.maxBodyBytes || !taker.recognises(head.url))
        return this.#handOver();
      const end = head.headBytes + head.bodyBytes;
      if (held.length < end) return;
      const { url, headers } = head;
      this.#held = held.length === end ? null : held.subarray(end);
      this.#isBusy = true;
      this.#isTaking = true;
      const remoteAddress = this.#socket.remoteAddress ?? '';
      const body = held.subarray(head.headBytes, end);
      const isTaken = taker.take({ url, headers, body, remoteAddress, signal: this.#caller }, this);
      this.#isTaking = false;
      if (isTaken) continue;
      this.#isBusy = false;
      this.#held = held;
      return this.#handOver();
    }
  }

  #headOf(held: Buffer): HeadReading {
    return readPlainHead(held.toString('latin1', 0, MAX_HEAD_BYTES));
  }

  #goOn(): void {
    if (this.#isTaking || this.#held === null) return;
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#read();
  }

  /** Who does not read his answers is not read either. */
  #waitForReader(): void {
    this.#isBusy = true;
    this.#socket.pause();
    this.#socket.once('drain', () => {
      this.#isBusy = false;
      this.#socket.resume();
      this.#goOn();
    });
  }

  #handOver(): void {
    const socket = this.#socket;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose).off('error', ignore);
    this.#host.forget(this);
    // Paused, so that what is put back is read when Node listens, and before anything that comes later.
    socket.pause();
    if (this.#held !== null) socket.unshift(this.#held);
    this.#host.toNode(socket);
    socket.resume();
  }
}

/** The close that follows says enough. */
const ignore = (): void => undefined;
