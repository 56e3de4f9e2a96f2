/** How a device's report changes its twin. */
import { BOUNDS, mergePatch, type JsonObject, type ReportedTwin } from '@shoal/protocol';
import { FleetError } from '../errors.ts';

/** One side of a twin, checked against its bound as the JSON that is stored. */
/** @throws FleetError TWIN_TOO_LARGE */
export const boundedDocument = (document: JsonObject, what: string): string => {
  const text = JSON.stringify(document);
  const sizeBytes = Buffer.byteLength(text, 'utf8');
  if (sizeBytes <= BOUNDS.twinBytes) return text;
  throw new FleetError('TWIN_TOO_LARGE', `${what} would be ${sizeBytes} bytes, ${BOUNDS.twinBytes} at most.`);
};

/** `whole` replaces; `patch` merges (RFC 7396). */
export const nextReported = (before: JsonObject, { mode, reported }: ReportedTwin): JsonObject =>
  mode === 'whole' ? mergePatch({}, reported) : mergePatch(before, reported);
