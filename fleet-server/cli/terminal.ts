/** The two streams of the command: data on one, talk on the other; and text made harmless for a terminal. */
import { styleText } from 'node:util';

/** What of a `WriteStream` is used. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

export type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'gray' | 'bold';

/** Control characters, C1 included, and the marks that turn the direction of text. */
const HARMFUL = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Names and messages come from devices: what would steer the terminal is shown as an escape instead. */
export const harmless = (text: string): string =>
  text.replaceAll(HARMFUL, (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);

export class Terminal {
  private readonly stdout: TextSink;
  private readonly stderr: TextSink;
  private readonly mayColour: boolean;
  constructor(stdout: TextSink, stderr: TextSink, mayColour: boolean) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.mayColour = mayColour;
  }

  /** A person watches: what is printed may be painted over. */
  get isWatched(): boolean {
    return this.stdout.isTTY === true;
  }

  /** One or more lines of data. */
  data(text: string): void {
    this.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  json(value: unknown): void {
    this.data(JSON.stringify(value, null, 2));
  }

  /** One JSON document on one line. */
  jsonLine(value: unknown): void {
    this.data(JSON.stringify(value));
  }

  /** For people only. */
  talk(text: string): void {
    this.stderr.write(`${text}\n`);
  }

  /** How far something is: on a terminal one line that is painted over, elsewhere nothing. */
  progress(text: string): void {
    if (this.stderr.isTTY === true) this.stderr.write(`\r${text}\u001b[K`);
  }

  /** Starts the screen anew, when there is one. */
  clear(): void {
    if (this.isWatched) this.stdout.write('\u001b[2J\u001b[H');
  }

  paint(colour: Colour, text: string): string {
    return this.mayColour && this.isWatched ? styleText(colour, text, { validateStream: false }) : text;
  }
}
