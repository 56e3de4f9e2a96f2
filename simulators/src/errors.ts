/** The catalogue of what can be wrong with a simulation, a scenario or a replay. */

/** Code → what it means and what to do. */
export const SIMULATOR_ERRORS = {
  OPTION_INVALID: 'A command line option that is unknown or out of range. See --help.',
  SCENARIO_INVALID: 'A scenario that does not match its schema. The message names each path.',
  REPLAY_MISSING: 'No such file or folder of recordings. Check the path after --replay.',
  REPLAY_EMPTY: 'A folder without a .csv file. Name the folder that holds the recordings themselves.',
  REPLAY_UNREADABLE: 'A recording that has no header line, no time column or no rows. Look at its first lines.',
  PORT_TAKEN: 'A port that another program listens on. Choose another one or 0 for any free port.',
  SERVER_NOT_BUILT: 'The server has not been built. Run npm run build.',
  SERVER_FAILED: 'The server process ended or did not become ready. Its last log lines are in the message.',
  SERVER_ANSWER_INVALID: 'The server answered a request of the ledger with an error or something unexpected.',
  PROGRAM_MISSING: 'A system program this needs is not installed. The message says how to install it.',
} as const;

export type SimulatorErrorCode = keyof typeof SIMULATOR_ERRORS;

/** Thrown by everything in this package. `message` names the thing and the remedy; match on `code`, never on text. */
export class SimulatorError extends Error {
  override readonly name = 'SimulatorError';
  readonly retryable = false;
  readonly code: SimulatorErrorCode;
  constructor(code: SimulatorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const isSimulatorError = (error: unknown): error is SimulatorError => error instanceof SimulatorError;
