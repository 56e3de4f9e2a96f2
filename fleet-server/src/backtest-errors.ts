/** What backtests can answer with, and the gate of a rollout that asks for one. */
import { again, once } from './error-entry.ts';

export const BACKTEST_ERRORS = {
  BACKTEST_NOT_FOUND: once(404, 'No such backtest, or it is one of long ago. List them with GET /api/backtests.'),
  BACKTEST_STATE: once(409, 'The state of the backtest does not allow it. Look at the backtest.'),
  BACKTEST_UNFIT: once(
    409,
    'These releases cannot be held against each other over stored data. The message says why; choose others.',
  ),
  BACKTEST_AHEAD: once(400, 'A backtest up to an instant that has not come. Leave until out, or name one that has.'),
  BACKTEST_QUEUE_FULL: again(429, 'Too many backtests wait. Cancel some, or ask again when they are through.'),
  BACKTEST_INTERRUPTED: once(
    409,
    'A backtest was begun several times and the server went down each time. Look at the log, and ask for it again with fewer days.',
  ),
  BACKTEST_RUNNER_LOST: again(503, 'The thread of a backtest ended. The backtest is begun anew.'),
  BACKTEST_MISSING: once(
    409,
    'A rollout asks for a backtest, and none of exactly its release against exactly its base has finished. Run one.',
  ),
  BACKTEST_GATE_FAILED: once(
    409,
    'The last backtest of the release is not what the rollout asks for; the message lists each limit. Look at its report.',
  ),
} as const;
