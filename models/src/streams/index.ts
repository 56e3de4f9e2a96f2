/** The door for threads that run streams and load no engines: all of `models` costs each of them seconds and megabytes. */
export * from './record-columns.ts';
export * from './stream-key.ts';
export * from './stream-plan.ts';
export * from './watermarks.ts';
export * from './window-book.ts';
export * from './window-reducer.ts';
export * from './window-state.ts';
export * from './memory-windows.ts';
