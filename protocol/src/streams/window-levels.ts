/** Levels at which results of windows are kept. */

/** Finest first. */
export const WINDOW_LEVELS = ['window', 'hour', 'day'] as const;
