/** The command `bench` of the fleet: what `shoal-agent bench` says, as the outcome of a command. */
import type { AgentConfig } from '../config.ts';
import { AgentError } from '../errors.ts';
import type { CommandHandler } from './command-desk.ts';

const DEFAULT_SECONDS = 2;
const MAX_SECONDS = 30;

/** `{"seconds": 2}` for each model and engine. Throws COMMAND_FAILED. */
export const benchCommand =
  (config: AgentConfig): CommandHandler =>
  async ({ seconds = DEFAULT_SECONDS }) => {
    if (typeof seconds !== 'number' || !(seconds > 0 && seconds <= MAX_SECONDS))
      throw new AgentError('COMMAND_FAILED', `"seconds" must be a number above 0 and up to ${MAX_SECONDS}.`);
    // Only who is asked for it pays for its code.
    const { benchModels } = await import('../model-bench/bench-models.ts');
    const models = await benchModels(config, { durationMs: seconds * 1_000, onProgress: () => undefined });
    return { models: JSON.parse(JSON.stringify(models)) };
  };
