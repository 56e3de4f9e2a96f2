/** How large a piece is asked for over MQTT, so that it holds up nothing else on the way: as much as comes in about half a second. Pure. */
import { BOUNDS } from '@shoal/protocol/wire';

export const FIRST_PIECE_BYTES = 16_384;
const LEAST_PIECE_BYTES = 4_096;
const QUICK_MS = 500;
const SLOW_MS = 1_500;

/** After one of `bytes` took `ms` from asking to the answer. */
export const nextPieceBytes = (bytes: number, ms: number): number => {
  if (ms < QUICK_MS) return Math.min(BOUNDS.blobPieceBytes, bytes * 2);
  return ms > SLOW_MS ? Math.max(LEAST_PIECE_BYTES, bytes >> 1) : bytes;
};
