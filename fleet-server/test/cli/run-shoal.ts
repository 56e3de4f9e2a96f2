/** Runs the `shoal` command inside the test, with its streams caught. */
import { runShoal } from '../../cli/program.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly isTTY?: boolean;
  readonly signal?: AbortSignal;
  /** Called with everything printed so far. */
  readonly onData?: (stdout: string) => void;
}

export const shoal = async (words: readonly string[], options: RunOptions = {}): Promise<Outcome> => {
  const printed = { stdout: '', stderr: '' };
  const exitCode = await runShoal(words, {
    environment: options.environment ?? {},
    stdout: {
      write: (text) => {
        printed.stdout += text;
        options.onData?.(printed.stdout);
      },
      isTTY: options.isTTY === true,
    },
    stderr: { write: (text) => (printed.stderr += text) },
    readInput: () => Promise.resolve(options.input ?? ''),
    signal: options.signal ?? new AbortController().signal,
    now: () => 1_760_000_090_000,
  });
  return { exitCode, ...printed };
};
