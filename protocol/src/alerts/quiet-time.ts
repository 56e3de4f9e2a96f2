/** When an alert is over that nothing ends. */

/** Milliseconds after the last one that was wrong until an alert is resolved where nothing says that it is over. */
export const DEFAULT_QUIET_MS = 15 * 60_000;
