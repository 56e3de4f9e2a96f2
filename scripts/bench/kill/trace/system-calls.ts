/** Reads the log of a traced process: one entry per system call, placed in the order that the tracer saw. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * Positions are line numbers of the log. A call had not begun before `startedAt` and had returned by `endedAt`, so one
 * call came after another for certain when its `startedAt` is above the other's `endedAt`.
 */
export interface SystemCall {
  readonly thread: number;
  readonly name: string;
  /** Everything between the parentheses, as printed. */
  readonly text: string;
  /** What it returned; null when it failed or never returned. */
  readonly result: number | null;
  readonly startedAt: number;
  /** Infinity when the process died inside the call. */
  readonly endedAt: number;
}

interface OpenCall {
  readonly name: string;
  readonly text: string;
  readonly startedAt: number;
}

const UNFINISHED = ' <unfinished ...>';
const COMPLETE = /^(\d+) +(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)/s;
const BEGUN = /^(\d+) +(\w+)\((.*)$/s;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+|0x[0-9a-f]+|\?)/s;

/** The tracer prints `?` for a call in which the process died. */
const outcomeOf = (text: string | undefined, line: number): Pick<SystemCall, 'result' | 'endedAt'> => {
  const value = Number(text);
  return Number.isNaN(value)
    ? { result: null, endedAt: Infinity }
    : { result: value < 0 ? null : value, endedAt: line };
};

/** Takes the log line by line. */
export class SystemCallReader {
  private readonly open = new Map<number, OpenCall>();
  private line = 0;

  /** The call that returned on this line, if one did. Signals and exits are none. */
  read(text: string): SystemCall | undefined {
    this.line += 1;
    if (text.endsWith(UNFINISHED)) {
      this.begin(text.slice(0, -UNFINISHED.length));
      return undefined;
    }
    const resumed = RESUMED.exec(text);
    return resumed === null ? this.complete(text) : this.resume(resumed);
  }

  /** Calls that were begun and never returned. */
  unreturned(): SystemCall[] {
    return [...this.open].map(([thread, call]) => ({ thread, ...call, result: null, endedAt: Infinity }));
  }

  private begin(text: string): void {
    const [, thread, name, rest] = BEGUN.exec(text) ?? [];
    if (name !== undefined && rest !== undefined) {
      this.open.set(Number(thread), { name, text: rest, startedAt: this.line });
    }
  }

  private resume([, thread, , rest, result]: RegExpExecArray): SystemCall | undefined {
    const call = this.open.get(Number(thread));
    this.open.delete(Number(thread));
    if (call === undefined) return undefined;
    const text = `${call.text}${rest}`;
    return { thread: Number(thread), ...call, text, ...outcomeOf(result, this.line) };
  }

  private complete(text: string): SystemCall | undefined {
    const [, thread, name, rest, result] = COMPLETE.exec(text) ?? [];
    if (name === undefined || rest === undefined) return undefined;
    return { thread: Number(thread), name, text: rest, startedAt: this.line, ...outcomeOf(result, this.line) };
  }
}

/** @yields every call of a log in the order of return, those that never returned at the end */
export async function* readSystemCalls(logFile: string): AsyncGenerator<SystemCall> {
  const reader = new SystemCallReader();
  const lines = createInterface({ input: createReadStream(logFile, { encoding: 'latin1' }), crlfDelay: Infinity });
  for await (const line of lines) {
    const call = reader.read(line);
    if (call !== undefined) yield call;
  }
  yield* reader.unreturned();
}
