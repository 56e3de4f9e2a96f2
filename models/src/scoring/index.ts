/** The door for what decides about scoring runs and loads no engine: schedules, shifts of a column, validation. */
export * from './schedule-step.ts';
export * from './backfill-days.ts';
export * from './column-shift.ts';
export * from './run-validation.ts';
