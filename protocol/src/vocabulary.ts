/** The contract for threads that check nothing: its words, topics and expressions, without the schemas, which weigh ten megabytes in each of them. */

export { DEFAULT_QUIET_MS } from './alerts/quiet-time.ts';
export { BOUNDS } from './bounds.ts';
export { PRIORITY_CLASSES } from './records/priority-classes.ts';
export { parseExpression } from './streams/expression.ts';
export { WINDOW_LEVELS } from './streams/window-levels.ts';
export { RECORD_KINDS, topics } from './topics.ts';
