/** The worker thread behind `HeavyDecoder`. */
import { parentPort } from 'node:worker_threads';
import { ProtocolError, decodeBatch, type ProtocolErrorCode } from '@shoal/protocol';
import { breathe, follow } from '../give-way.ts';
import { buffersOf, packRecords, type PackedRecords } from '../ports/packed-records/pack-records.ts';
import type { BatchHead } from '../ports/packed-records/packed-batch.ts';
import { placeBatch, type Received } from './incoming.ts';

export interface DecodeRequest extends Received {
  readonly id: number;
  readonly payload: Uint8Array;
}

export type DecodeAnswer =
  | { readonly id: number; readonly head: BatchHead; readonly packed: PackedRecords; readonly unknownFields: number }
  | { readonly id: number; readonly code: ProtocolErrorCode; readonly message: string }
  | { readonly id: number; readonly message: string };

const decode = (request: DecodeRequest): DecodeAnswer => {
  const { id, kind, payload } = request;
  try {
    const tally = { unknownFields: 0 };
    const decoded = decodeBatch(kind, payload, tally);
    breathe();
    const batch = placeBatch(request, decoded);
    const { records: _records, eventAt: _eventAt, clock: _clock, ...head } = batch;
    return { id, head, packed: packRecords([batch]), unknownFields: tally.unknownFields };
  } catch (error) {
    if (error instanceof ProtocolError) return { id, code: error.code, message: error.message };
    return { id, message: error instanceof Error ? error.message : String(error) };
  }
};

const port = parentPort;
if (port !== null) {
  follow();
  port.on('message', (request: DecodeRequest) => {
    const answer = decode(request);
    port.postMessage(answer, 'packed' in answer ? buffersOf(answer.packed) : []);
    breathe();
  });
}
