/** Remembers what became of commands, over restarts, so that none is carried out twice. */
import { commandOutcomeSchema, type CommandOutcome } from '@shoal/protocol/wire';
import { z } from 'zod';
import type { StateFile } from '../state-file.ts';

export const rememberedCommandsSchema = z.array(commandOutcomeSchema);

const KEPT = 128;

export class RememberedCommands {
  readonly #file: StateFile<CommandOutcome[]>;
  #outcomes: CommandOutcome[] = [];

  constructor(file: StateFile<CommandOutcome[]>) {
    this.#file = file;
  }

  /** What was begun and not finished before the restart, is `failed` from now on. */
  async start(now: number): Promise<void> {
    const kept = (await this.#file.read()) ?? [];
    this.#outcomes = kept.map((outcome) => (outcome.state === 'acknowledged' ? interrupted(outcome, now) : outcome));
  }

  find(commandId: string): CommandOutcome | undefined {
    return this.#outcomes.find((outcome) => outcome.commandId === commandId);
  }

  /** Durable when it resolves; the oldest of too many is forgotten. Throws STATE_FILE_WRITE_FAILED. */
  async remember(outcome: CommandOutcome): Promise<void> {
    const others = this.#outcomes.filter(({ commandId }) => commandId !== outcome.commandId);
    this.#outcomes = [...others, outcome].slice(-KEPT);
    await this.#file.write(this.#outcomes);
  }
}

const interrupted = ({ commandId }: CommandOutcome, at: number): CommandOutcome => ({
  v: 1,
  commandId,
  state: 'failed',
  at,
  error: { code: 'COMMAND_INTERRUPTED', message: 'The agent stopped while it ran this command; send a new one.' },
});
