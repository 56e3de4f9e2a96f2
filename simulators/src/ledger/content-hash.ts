/** The fingerprint of a record's content: what must come out of the server as it went into the device. */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@shoal/models';
import { eventSchema, predictionSchema, readingSchema, type RecordKind } from '@shoal/protocol';

const schemas = { readings: readingSchema, predictions: predictionSchema, events: eventSchema } as const;

/** sha256 in hex over the RFC 8785 form of the record's own fields; what the server adds to a stored record does not count. */
export const contentHash = (kind: RecordKind, record: object): string =>
  createHash('sha256')
    .update(canonicalJson(JSON.parse(JSON.stringify(schemas[kind].parse(record)))))
    .digest('hex');
