/** Where a run talks: a table that redraws itself on a terminal, plain lines everywhere else. */

export interface Output {
  readonly isTTY?: boolean;
  readonly rows?: number;
  readonly columns?: number;
  write(text: string): unknown;
}

const LINE_START_AND_CLEAR = '\r\u001B[K';
const HOME_AND_CLEAR = '\u001B[H\u001B[J';

export class Terminal {
  /** Results go here. */
  private readonly out: Output;
  /** Talk goes here. */
  private readonly talk: Output;

  constructor(out: Output, talk: Output) {
    this.out = out;
    this.talk = talk;
  }

  get isLive(): boolean {
    return this.out.isTTY === true;
  }

  /** Whether talk is read by a person as it comes. */
  get isTalkLive(): boolean {
    return this.talk.isTTY === true;
  }

  get height(): number {
    return this.out.rows ?? 40;
  }

  /** A line of talk. */
  say(line: string): void {
    this.talk.write(`${line}\n`);
  }

  /** A line of result. */
  print(text: string): void {
    this.out.write(`${text}\n`);
  }

  /** A line of talk that replaces the one before on a terminal. */
  progress(line: string): void {
    this.talk.write(this.isTalkLive ? `${LINE_START_AND_CLEAR}${line}` : `${line}\n`);
  }

  endProgress(): void {
    if (this.isTalkLive) this.talk.write('\n');
  }

  /** Replaces the screen; only on a terminal. */
  redraw(text: string): void {
    this.out.write(`${HOME_AND_CLEAR}${text}\n`);
  }
}
