/** What the `shoal` command can end with: every code, its exit code, and what to do. */

/** Exit codes are part of the interface: scripts branch on them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, refused: 4, timeout: 5 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface ErrorEntry {
  readonly exitCode: ExitCode;
  readonly description: string;
}

export const CLI_ERRORS = {
  USAGE_INVALID: { exitCode: EXIT.usage, description: 'The command line is not valid. See --help.' },
  CONFIRMATION_MISSING: { exitCode: EXIT.usage, description: 'What cannot be undone asks for --yes.' },
  SERVER_UNREACHABLE: {
    exitCode: EXIT.failed,
    description: 'No fleet server answers. Start it, or name it with --server or SHOAL_SERVER.',
  },
  ANSWER_INVALID: {
    exitCode: EXIT.failed,
    description: 'The answer is not what this version of the command understands. Use the version of the server.',
  },
  ANSWER_TIMED_OUT: {
    exitCode: EXIT.timeout,
    description: 'No answer within --timeout. Try again, or give it more time.',
  },
  BROKER_UNREACHABLE: {
    exitCode: EXIT.failed,
    description: 'No MQTT broker answers. Start the server, or name its broker with --mqtt or SHOAL_MQTT.',
  },
  SUBSCRIPTION_REFUSED: {
    exitCode: EXIT.refused,
    description:
      'The broker refuses this topic filter. Subscribe to live/, windows/, predictions/, alerts/, rollouts/, fleet/ or homeassistant/.',
  },
  MESSAGES_TIMED_OUT: {
    exitCode: EXIT.timeout,
    description: 'Fewer messages than --count came within --seconds.',
  },
  IMPORT_ROWS_REJECTED: {
    exitCode: EXIT.refused,
    description:
      'Some rows of the file were refused and are listed; the others are stored. Correct these and import again.',
  },
  IMPORT_INCOMPLETE: {
    exitCode: EXIT.failed,
    description: 'A CSV file could not be read to its end. Correct it and import it again: nothing is stored twice.',
  },
  BUNDLE_FAULTY: { exitCode: EXIT.refused, description: 'A bundle has faults; all are listed. Nothing was sent.' },
  DELIVERY_NOT_ARRIVED: {
    exitCode: EXIT.failed,
    description: 'The first attempt did not arrive. `shoal delivery get` shows why, and whether it is tried again.',
  },
  PREDICTION_FAILED: {
    exitCode: EXIT.failed,
    description:
      'The ticket has no answer: it failed, expired or was canceled. Look at it, and run it again with retry.',
  },
  PREDICTION_OPEN: {
    exitCode: EXIT.timeout,
    description: 'The ticket is not answered yet. Fetch it later with `shoal prediction get`.',
  },
  BACKTEST_FAILED: {
    exitCode: EXIT.failed,
    description: 'A backtest ended without figures. Its message says why.',
  },
  SCORING_FAILED: {
    exitCode: EXIT.failed,
    description: 'The scoring run was not published. `shoal batch show` says why; what was published before stays.',
  },
  ROLLOUT_STOPPED: {
    exitCode: EXIT.refused,
    description: 'The rollout is not through: it was stopped, by a gate or by somebody. `shoal rollout show` has why.',
  },
  COMMAND_FAILED: { exitCode: EXIT.failed, description: 'The device carried the command out and it failed.' },
  COMMAND_UNSUPPORTED: { exitCode: EXIT.refused, description: 'The device does not know this command.' },
  COMMAND_EXPIRED: {
    exitCode: EXIT.timeout,
    description: 'The device did not finish in time. Check with `shoal device show` that it is online.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type CliErrorCode = keyof typeof CLI_ERRORS;

/** `code` is of `CLI_ERRORS`, or of the server's catalogue when the server refused. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: string;
  readonly exitCode: ExitCode;
  constructor(code: string, exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.exitCode = exitCode;
  }
}

export const cliError = (code: CliErrorCode, message: string, options?: ErrorOptions): CliError =>
  new CliError(code, CLI_ERRORS[code].exitCode, message, options);
