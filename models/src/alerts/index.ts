/** The door for threads that run rules of alerts and load no engines. */
export * from './alert-state.ts';
export * from './clock-run.ts';
export * from './key-state.ts';
export * from './notice-plan.ts';
export * from './record-run.ts';
export * from './rule-plan.ts';
export * from './window-run.ts';
