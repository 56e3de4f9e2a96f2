/** The door for what decides about backtests and loads no engine: verdicts side by side, alarms, figures, the gate. */
export * from './backtest-gate.ts';
export * from './backtest-side.ts';
export * from './backtest-tally.ts';
export * from './verdict-pairs.ts';
