/** Classes of records in the outbox of a device. */

/** Highest first. Order on the wire holds per (device, class, lane). */
export const PRIORITY_CLASSES = ['alarm', 'prediction', 'reading', 'debug'] as const;
