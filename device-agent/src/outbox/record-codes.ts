/**
 * How classes and kinds of records are written in the outbox file: by their place in these lists, which are part of its format.
 * They are not imported from the contract, because its schemas would cost the writing thread 20 MB that it has no use for.
 */
import type { PriorityClass, RecordKind } from '@shoal/protocol/wire';

/** Highest first. */
export const CLASS_CODES = ['alarm', 'prediction', 'reading', 'debug'] as const satisfies readonly PriorityClass[];
export const KIND_CODES = ['readings', 'predictions', 'events'] as const satisfies readonly RecordKind[];

export const codeOf = (priority: PriorityClass): number => CLASS_CODES.indexOf(priority);
