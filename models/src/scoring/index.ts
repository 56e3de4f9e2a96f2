/** The door for what decides about scoring runs and loads no engine: schedules, summaries, validation. */
export * from './schedule-step.ts';
export * from './score-summary.ts';
export * from './run-validation.ts';
