/** The command `bench` of the fleet: how fast the models run on this device, as the outcome of a command. */
import { AgentError } from '../errors.ts';
import type { CommandHandler } from './command-desk.ts';

const DEFAULT_SECONDS = 2;
const MAX_SECONDS = 30;

/** `{"seconds": 2}` for each model and engine; `run` gives a row for each. Throws COMMAND_FAILED. */
export const benchCommand =
  (run: (durationMs: number) => Promise<readonly object[]>): CommandHandler =>
  async ({ seconds = DEFAULT_SECONDS }) => {
    if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= MAX_SECONDS))
      throw new AgentError('COMMAND_FAILED', `"seconds" must be a number above 0 and up to ${MAX_SECONDS}.`);
    return { models: JSON.parse(JSON.stringify(await run(seconds * 1_000))) };
  };
